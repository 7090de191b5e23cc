#!/usr/bin/env python3
"""Tries what the unit's directives forbid, and what they must let pass, and prints one line for each: NAME OUTCOME.
Run by a unit with the directives of resetd.service, and by one without any, as a control."""
import ctypes, errno, mmap, os, resource, socket, stat, sys

libc = ctypes.CDLL(None, use_errno=True)
SYSCALL = {"x86_64": dict(personality=135, unshare=272, clock_settime=227, sethostname=170, syslog=103, mount=165, reboot=169, swapon=167,
                          ptrace=101, keyctl=250, sched_setscheduler=144, init_module=175, bpf=321, mknod=133)}[os.uname().machine]

def word(error):
    return errno.errorcode.get(error, str(error))

def probe(name, act):
    # In a child: what succeeds must not change the ground for the others.
    if child := os.fork():
        os.waitpid(child, 0)
        return
    try:
        said = act()
        print(name, "ok" if said is None else said)
    except OSError as error:
        print(name, word(error.errno))
    sys.stdout.flush()
    os._exit(0)

def syscall(name, *arguments):
    def act():
        if libc.syscall(SYSCALL[name], *arguments) < 0:
            raise OSError(ctypes.get_errno(), "")
    return act

def write(path):
    def act():
        with open(path, "w") as file:
            file.write("x")
    return act

def read(path):
    def act():
        with open(path, "rb") as file:
            file.read(1)
    return act

def read_only(path):
    return lambda: "read-only" if os.statvfs(path).f_flag & os.ST_RDONLY else "writable"

def field(name):
    return lambda: next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name + ":"))

def open_socket(family, kind=socket.SOCK_STREAM, protocol=0):
    return lambda: socket.socket(family, kind, protocol).close()

def multicast():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        udp.sendto(b"x", ("239.1.2.3", 9999))

def tcp():
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())

def executable_memory():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()

def suid():
    path = "/var/lib/resetd/probe-suid"
    write(path)()
    try:
        os.chmod(path, 0o4755)
    finally:
        os.unlink(path)

def new_mode():
    path = "/var/lib/resetd/probe-mode"
    write(path)()
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.unlink(path)
    return f"{mode:o}"

def name_lookup():
    socket.getaddrinfo("localhost", 25, type=socket.SOCK_STREAM)

def processes():
    return "all" if "1" in os.listdir("/proc") else "own"

def devices():
    return "few" if not os.path.exists("/dev/probe-device") else "all"

probe("write-etc", write("/etc/open/probe"))
probe("write-usr", write("/usr/open/probe"))
probe("write-opt", write("/opt/open/probe"))
probe("write-srv", write("/srv/open/probe"))
probe("write-var-log", write("/var/log/open/probe"))
probe("write-home", write("/home/open/probe"))
probe("read-home", read("/home/probe-file"))
probe("read-root", read("/root/probe-file"))
probe("read-srv", read("/srv/probe-file"))
probe("read-var-lib", read("/var/lib/probe/file"))
probe("list-home", lambda: "some" if os.path.isdir("/home") and os.listdir("/home") else "empty")
probe("see-tmp", lambda: "seen" if os.path.exists("/tmp/probe-host") else "hidden")
probe("see-device", devices)
probe("processes", processes)
probe("read-proc-stat", read("/proc/stat"))
probe("read-proc-1", read("/proc/1/status"))
probe("cgroups", read_only("/sys/fs/cgroup"))
probe("sysctls", read_only("/proc/sys"))
probe("modules", lambda: "some" if os.listdir("/usr/lib/modules") else "empty")
probe("no-new-privileges", field("NoNewPrivs"))
probe("capabilities", field("CapBnd"))
probe("ambient", field("CapAmb"))
probe("seccomp", field("Seccomp"))
probe("core", lambda: f"{resource.getrlimit(resource.RLIMIT_CORE)[1]}")
probe("files", lambda: f"{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}")
probe("uid", lambda: "root" if os.getuid() == 0 else "user")
probe("gid", lambda: "root" if os.getgid() == 0 else "group")
probe("umask", new_mode)
probe("socket-netlink", open_socket(socket.AF_NETLINK, socket.SOCK_RAW))
probe("socket-packet", open_socket(socket.AF_PACKET, socket.SOCK_RAW))
probe("socket-vsock", open_socket(socket.AF_VSOCK))
probe("socket-alg", open_socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
probe("multicast", multicast)
probe("personality", syscall("personality", 0x0040000))
probe("namespace-user", syscall("unshare", 0x10000000))
probe("namespace-net", syscall("unshare", 0x40000000))
probe("clock", syscall("clock_settime", 0, None))
probe("hostname", syscall("sethostname", b"x" * 100, 100))
probe("kernel-log", syscall("syslog", 10, None, 0))
probe("mount", syscall("mount", None, None, None, 0, None))
probe("swapon", syscall("swapon", None, 0))
probe("reboot", syscall("reboot", 0, 0, 0, None))
probe("ptrace", syscall("ptrace", 16, -1, 0, 0))
probe("module", syscall("init_module", None, 0, None))
probe("bpf", syscall("bpf", -1, None, 0))
probe("realtime", syscall("sched_setscheduler", 0, 1, ctypes.byref(ctypes.c_int(1))))
probe("executable-memory", executable_memory)
probe("suid", suid)
probe("write-state", write("/var/lib/resetd/probe"))
probe("write-run", write("/run/resetd/probe"))
probe("write-tmp", write("/tmp/probe"))
probe("read-config", read("/etc/resetd/resetd.toml"))
probe("read-templates", read("/usr/share/resetd/templates/easy/mail.txt"))
probe("tcp", tcp)
probe("unix", open_socket(socket.AF_UNIX))
probe("name-lookup", name_lookup)
