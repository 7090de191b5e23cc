//! Folding: what different hands type for the same word is brought to one form. Case, diacritics, doubled letters
//! and `ae/oe/ue` go; Cyrillic, Greek and Devanagari become the Latin letters that people type instead of them, so
//! that translit, Greeklish and Hinglish need no data of their own; traditional Han becomes simplified.

use unicode_normalization::UnicodeNormalization;

/// Folds one word.
pub fn word(word: &str) -> String {
    let mut latin = String::with_capacity(word.len() + 4);
    if word.is_ascii() {
        latin.extend(word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
    } else {
        let chars: Vec<char> =
            word.nfkd().filter(|&c| !is_dropped(c)).nfc().flat_map(char::to_lowercase).filter(|&c| !is_dropped(c)).collect();
        for (i, &c) in chars.iter().enumerate() {
            if !c.is_alphanumeric() && !is_combining(c) {
                continue;
            }
            match c {
                '\u{0900}'..='\u{097f}' => devanagari(c, chars.get(i + 1).copied(), &mut latin),
                'υ' if i > 0 && matches!(chars[i - 1], 'ο' | 'α' | 'ε') => latin.push('u'),
                '\u{0370}'..='\u{052f}' => latin.push_str(alphabet(c)),
                _ => letter(c, &mut latin),
            }
        }
    }
    squeeze(&latin)
}

/// Folds one character of a script without spaces.
pub fn sign(c: char) -> String {
    let mut out: String = std::iter::once(c).nfkc().flat_map(char::to_lowercase).collect();
    if let Some(simple) = simplified(c) {
        out.clear();
        out.push(simple);
    }
    out
}

/// Folds a mark: all exclamation marks are one, all question marks too, skin tones fall away.
pub fn mark(c: char) -> char {
    match c {
        '!' | '！' | '‼' | '¡' | '❗' => '!',
        '?' | '？' | '؟' | '¿' | '❓' | '⁉' => '?',
        _ => c,
    }
}

/// Whether `c` is a pictograph.
pub fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f300}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}')
}

/// Whether `c` continues a word without being a letter: vowel signs, accents.
pub fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05c7}' | '\u{0610}'..='\u{061a}'
        | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{0640}' | '\u{0900}'..='\u{0903}' | '\u{093a}'..='\u{094f}')
}

fn is_dropped(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05c7}' | '\u{0610}'..='\u{061a}'
        | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{0640}' | '\u{093c}')
}

fn letter(c: char, out: &mut String) {
    match c {
        'ß' => out.push('s'),
        'ø' => out.push('o'),
        'đ' | 'ð' => out.push('d'),
        'ł' => out.push('l'),
        'ı' => out.push('i'),
        'æ' => out.push('a'),
        'œ' => out.push('o'),
        'þ' => out.push('t'),
        // Arabic letters that keyboards and hands mix up
        'أ' | 'إ' | 'آ' | 'ٱ' => out.push('ا'),
        'ى' | 'ی' | 'ئ' => out.push('ي'),
        'ة' | 'ۀ' => out.push('ه'),
        'ک' => out.push('ك'),
        'ؤ' => out.push('و'),
        'ء' => {}
        _ => out.push(c),
    }
}

/// Doubled letters, `ae/oe/ue`, and letters that stand for each other in translit.
fn squeeze(latin: &str) -> String {
    let mut out = String::with_capacity(latin.len());
    let mut last = '\0';
    let mut chars = latin.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            'y' | 'j' => 'i',
            'w' => 'v',
            'k' if chars.peek() == Some(&'h') => continue,
            'e' if matches!(last, 'a' | 'o' | 'u') => continue,
            _ => c,
        };
        if c == last && !c.is_ascii_digit() && !matches!(c, '\u{1100}'..='\u{d7ff}') {
            continue;
        }
        out.push(c);
        last = c;
    }
    out
}

fn alphabet(c: char) -> &'static str {
    match c {
        'а' | 'ъ' | 'α' => "a",
        'б' => "b",
        'в' | 'β' => "v",
        'г' | 'ґ' | 'γ' => "g",
        'д' | 'δ' => "d",
        'е' | 'э' | 'ѐ' | 'ε' => "e",
        'є' => "ie",
        'ж' => "zh",
        'з' | 'ζ' => "z",
        'и' | 'й' | 'ы' | 'і' | 'ї' | 'ј' | 'ι' | 'η' | 'υ' => "i",
        'к' | 'κ' => "k",
        'л' | 'љ' | 'λ' => "l",
        'м' | 'μ' => "m",
        'н' | 'њ' | 'ν' => "n",
        'о' | 'ο' | 'ω' => "o",
        'п' | 'π' => "p",
        'р' | 'ρ' => "r",
        'с' | 'σ' | 'ς' => "s",
        'т' | 'τ' => "t",
        'у' => "u",
        'ф' | 'φ' => "f",
        'х' => "h",
        'χ' => "x",
        'ц' => "ts",
        'ч' => "ch",
        'ш' | 'щ' => "sh",
        'ю' => "iu",
        'я' => "ia",
        'θ' => "th",
        'ξ' => "ks",
        'ψ' => "ps",
        _ => "",
    }
}

fn devanagari(c: char, next: Option<char>, out: &mut String) {
    let (text, consonant) = match c {
        'क' => ("k", true),
        'ख' => ("kh", true),
        'ग' => ("g", true),
        'घ' => ("gh", true),
        'ङ' | 'ञ' | 'ण' | 'न' => ("n", true),
        'च' => ("ch", true),
        'छ' => ("ch", true),
        'ज' => ("j", true),
        'झ' => ("jh", true),
        'ट' | 'त' => ("t", true),
        'ठ' | 'थ' => ("th", true),
        'ड' | 'द' => ("d", true),
        'ढ' | 'ध' => ("dh", true),
        'प' => ("p", true),
        'फ' => ("f", true),
        'ब' => ("b", true),
        'भ' => ("bh", true),
        'म' => ("m", true),
        'य' => ("y", true),
        'र' | 'ऱ' => ("r", true),
        'ल' | 'ळ' => ("l", true),
        'व' => ("v", true),
        'श' | 'ष' => ("sh", true),
        'स' => ("s", true),
        'ह' => ("h", true),
        'अ' | 'आ' | 'ा' | 'ऑ' | 'ॉ' => ("a", false),
        'इ' | 'ई' | 'ि' | 'ी' => ("i", false),
        'उ' | 'ऊ' | 'ु' | 'ू' => ("u", false),
        'ए' | 'े' | 'ऍ' | 'ॅ' => ("e", false),
        'ऐ' | 'ै' => ("ai", false),
        'ओ' | 'ो' => ("o", false),
        'औ' | 'ौ' => ("au", false),
        'ऋ' | 'ृ' => ("ri", false),
        'ं' | 'ँ' => ("n", false),
        'ः' => ("h", false),
        '०'..='९' => ("0", false),
        _ => ("", false),
    };
    out.push_str(text);
    // the inherent vowel: spoken before another consonant, silent at the end of a word
    let bare = next.is_some_and(|n| matches!(n, '\u{0915}'..='\u{0939}' | 'ं' | 'ँ' | 'ः'));
    if consonant && bare {
        out.push('a');
    }
}

/// Traditional → simplified for the characters that these letters use; the rest stays as it is.
fn simplified(c: char) -> Option<char> {
    const TRADITIONAL: &str = "亂來個們偵偽傑備傳債傷僅價億償優兒內兩凍凱則剛創劃劇劉動務勝勞勢勵區協卻厭參吳員唄問啟喚單嗎嘗噴嚇嚴囑國圍園圓圖團執堅報場塊塗墊墳壓壞壯夢夥夾奧奪妳婦媽嬰孫學實寧寫寶將專尋對導屆層屬島師帳帶幣幫幹幾庫廁廠廢廣廳張強彈彙彥後徑從徹恆惡惱愛態慣慶憂憶懇應懶懷懼戰戲戶掃掛採換損撥撿擁擇擊擋擔據擴擾攔攜攝敗敵數斷於時暫書會東條棄業極構樂樓標樣樹橋機檔檢檯權歐歡歲歷歸殺毀氣決沒況淨測準溝溫滅滿漢潔濟灑灣為無煙煩熱燈燒營爭爾牆狀獎獨獲獻現瑪環瓊產畢畫異當療癮發皺盜盡監盤盧眾矯確碼礎礙禍禮稅種稱積穩窩竊競筆節範築篩簡簽籃糧紀約紅純紙級紛紮細終組結絕絡給統絲綁經綜綠網緊緒線編緩練縮總織繫繼續罰羅義習聖聞聯聰聲職聽肅腦臉臨臺與舉舊艦萬著蓋薦藍藝處號虧術裏補裝裡製複見視覺覽觸訂計訊訓託記訪設訴診註詐評詞詢試話該詳誌認語誠誤說誰課調談請論諮謊謝證識譜譯議護讀變讓貝負貨責貴買貸費貼賀資賓賣質賬賴購账趕跡踐車軌軍軟較載輕輛輪輸轉農這連進運過達遞遠適遲選還邊郵鄉鄰醫釋釣銀銷錄錢錯鍵鎖鏈鐘鐵長門閉開間閱關陣陰陸陽隊階際隨險隱雖雙雜離難雲電靈靜響頁項順須預領頭頻題顏願類顧風飛飯飲餘館駐駕騎騙騷驅驗驚體髮鬆鬥魚魯鳥鹹麗麥麼黃點黨黴齊齡龍";
    const SIMPLIFIED: &str = "乱来个们侦伪杰备传债伤仅价亿偿优儿内两冻凯则刚创划剧刘动务胜劳势励区协却厌参吴员呗问启唤单吗尝喷吓严嘱国围园圆图团执坚报场块涂垫坟压坏壮梦伙夹奥夺你妇妈婴孙学实宁写宝将专寻对导届层属岛师帐带币帮干几库厕厂废广厅张强弹汇彦后径从彻恒恶恼爱态惯庆忧忆恳应懒怀惧战戏户扫挂采换损拨捡拥择击挡担据扩扰拦携摄败敌数断于时暂书会东条弃业极构乐楼标样树桥机档检台权欧欢岁历归杀毁气决没况净测准沟温灭满汉洁济洒湾为无烟烦热灯烧营争尔墙状奖独获献现玛环琼产毕画异当疗瘾发皱盗尽监盘卢众矫确码础碍祸礼税种称积稳窝窃竞笔节范筑筛简签篮粮纪约红纯纸级纷扎细终组结绝络给统丝绑经综绿网紧绪线编缓练缩总织系继续罚罗义习圣闻联聪声职听肃脑脸临台与举旧舰万着盖荐蓝艺处号亏术里补装里制复见视觉览触订计讯训托记访设诉诊注诈评词询试话该详志认语诚误说谁课调谈请论咨谎谢证识谱译议护读变让贝负货责贵买贷费贴贺资宾卖质帐赖购帐赶迹践车轨军软较载轻辆轮输转农这连进运过达递远适迟选还边邮乡邻医释钓银销录钱错键锁链钟铁长门闭开间阅关阵阴陆阳队阶际随险隐虽双杂离难云电灵静响页项顺须预领头频题颜愿类顾风飞饭饮余馆驻驾骑骗骚驱验惊体发松斗鱼鲁鸟咸丽麦么黄点党霉齐龄龙";
    static TABLE: std::sync::OnceLock<std::collections::HashMap<char, char>> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| TRADITIONAL.chars().zip(SIMPLIFIED.chars()).collect()).get(&c).copied()
}
