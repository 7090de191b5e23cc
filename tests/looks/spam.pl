# SpamAssassin with Debian's own rules and no network over every message of a folder. What a rule says about a mail is either
# allowed below, with the reason, or a fault.
use strict;
use warnings;
use Mail::SpamAssassin;

# Rules that may hit: they speak of the way a mail came, which these have not taken, or of nothing at all (score 0).
my %allowed = (
    NO_RELAYS         => 'the messages were never sent: there is no Received line',
    NO_RECEIVED       => 'the same',
    ALL_TRUSTED       => 'the same, to our good',
    HTML_MESSAGE      => 'says only that there is an HTML part',
    URIBL_BLOCKED     => 'no network',
    MIXED_ES          => 'counts letters like e against e: Bulgarian and its like have more of them than a forger',
    LOTS_OF_MONEY     => 'alerts: takes digits of flag, time and reset id for a sum',
    MIME_HTML_MOSTLY  => 'alerts: measures our HTML by the last text it finds, which is the attached answer',
    WEIRD_QUOTING     => 'scores nothing: takes octets of Chinese characters for quotation marks',
    UNPARSEABLE_RELAY => 'there is none',
);
# The sum over which a mail is looked at more closely; receivers take 5 for spam.
my $bound = 2.0;

my $checker = Mail::SpamAssassin->new({
    local_tests_only => 1, dont_copy_prefs => 1, userprefs_filename => '/dev/null', userstate_dir => $ARGV[0],
    post_config_text => "use_bayes 0\nuse_auto_whitelist 0\n",
});
$checker->init(0);
my @files = sort glob("$ARGV[0]/messages/*.eml");
my (%hits, %first, @faults, $worst);
# Two halves at once: there is one thread to each perl.
my @halves = map { my $half = $_; [grep { $_ % 2 == $half } 0 .. $#files] } 0, 1;
my @pipes;
for my $half (@halves) {
    my $child = open(my $pipe, '-|') // die "fork: $!";
    if (!$child) {
        for (@$half) {
            open(my $in, '<:raw', $files[$_]) or die "$files[$_]: $!";
            my $mail = $checker->parse([<$in>]);
            my $status = $checker->check($mail);
            printf "%s %s %s\n", $files[$_] =~ s{.*/}{}r, $status->get_score, $status->get_names_of_tests_hit || '-';
            $status->finish;
            $mail->finish;
        }
        exit 0;
    }
    push @pipes, $pipe;
}
my $seen = 0;
for my $pipe (@pipes) {
    while (<$pipe>) {
        my ($file, $score, $tests) = split;
        $seen++;
        $worst = $score if !defined $worst || $score > $worst;
        my @tests = grep { $_ ne '-' } split /,/, $tests;
        for (@tests) { $hits{$_}++; $first{$_} //= $file }
        my @bad = grep { !$allowed{$_} || (/^(MIME_HTML_MOSTLY|LOTS_OF_MONEY)$/ && $file !~ /\.alert\./) } @tests;
        push @faults, "$file: $score @bad" if @bad || $score > $bound;
    }
    close($pipe) or push @faults, "a half ended early: $?";
}
printf "SpamAssassin %s, %d mails, highest score %s\n", Mail::SpamAssassin::Version(), $seen, $worst // '-';
printf "  %-24s %5d  %s\n", $_, $hits{$_}, $allowed{$_} // "NOT ALLOWED ($first{$_})" for sort keys %hits;
# It must know spam when it sees it, or it looks at nothing.
my $gtube = "From: a\@b.example\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n";
push @faults, 'GTUBE passes: the rules are not there' if !$checker->check_message_text($gtube)->is_spam;
print STDERR "$_\n" for @faults > 40 ? @faults[0 .. 39] : @faults;
exit(@faults ? 1 : 0);
