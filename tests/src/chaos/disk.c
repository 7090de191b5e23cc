// Stands between resetd and its disk (LD_PRELOAD): what it does to files below RESETD_DISK goes to the kernel as always and is written
// down in RESETD_DISK_LOG, so that disk.rs can say what of it would be left after a power cut. RESETD_DISK_CONTROL says what is wrong
// with the disk now. SQLite's -shm is passed over: it is mapped, and SQLite makes it anew from what is on the disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// As in journal.rs; the modes as in disk.rs.
enum kind { CREATE = 1, WRITE, LENGTH, SYNC, SYNC_FAILED, SYNC_NAMES, FOLDER, REMOVE, RENAME };
enum mode { WELL, DEAF, READ_ONLY, FULL, BROKEN };
struct control { volatile uint32_t mode, slow_ms; };
struct head { uint64_t magic, kind, node, at, name, data; };
#define MAGIC 0x9a1b7fe34c0d52f8

static const char *disk;
static size_t disk_len;
static int log_fd = -1;
static const struct control *control;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
// Which descriptors are files or folders of the disk.
static unsigned char ours[1 << 16];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("RESETD_DISK_LOG"), *file = getenv("RESETD_DISK_CONTROL");
  disk = getenv("RESETD_DISK");
  if (!disk || !log || !file) return;
  disk_len = strlen(disk);
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
  control = mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
  if (fd < 0 || control == MAP_FAILED) abort();
  syscall(SYS_close, fd);
  log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (log_fd < 0) abort();
}

// The path below the disk; NULL: it is elsewhere, or passed over.
static const char *within(const char *path) {
  if (log_fd < 0 || strncmp(path, disk, disk_len) != 0 || (path[disk_len] != '/' && path[disk_len] != 0)) return NULL;
  size_t len = strlen(path);
  if (len > 4 && strcmp(path + len - 4, "-shm") == 0) return NULL;
  const char *name = path + disk_len;
  return *name ? name + 1 : name;
}

// Where the process is killed at it, it is torn: who reads it knows that by the next one's beginning.
static void record(enum kind kind, uint64_t node, uint64_t at, const char *name, const void *data, size_t len) {
  struct head head = {MAGIC, kind, node, at, strlen(name), len};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)name, head.name}, {(void *)data, len}};
  if (syscall(SYS_writev, log_fd, parts, 3) != (ssize_t)(sizeof head + head.name + len)) abort();
}

static int trouble(void) {
  switch (control->mode) {
    case READ_ONLY: return EROFS;
    case FULL: return ENOSPC;
    case BROKEN: return EIO;
    default: return 0;
  }
}

static int is_ours(int fd) { return fd >= 0 && fd < (int)sizeof ours && ours[fd]; }

static int failed(int error) {
  errno = error;
  return -1;
}

static int open_it(__typeof__(&open) real, const char *path, int flags, mode_t mode) {
  const char *name = within(path);
  if (!name) {
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = 0;
    return fd;
  }
  pthread_mutex_lock(&one_at_a_time);
  int is_new = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0, fd = -1;
  int error = (is_new && flags & O_CREAT) || flags & O_TRUNC || ((flags & O_ACCMODE) != O_RDONLY && control->mode == READ_ONLY) ? trouble() : 0;
  if (error) {
    fd = failed(error);
  } else if ((fd = real(path, flags, mode)) >= 0) {
    struct stat stat;
    if (fd >= (int)sizeof ours || fstat(fd, &stat) != 0) abort();
    ours[fd] = 1;
    if (is_new) record(CREATE, stat.st_ino, stat.st_mode & 07777, name, NULL, 0);
    else if (flags & O_TRUNC) record(LENGTH, stat.st_ino, 0, "", NULL, 0);
  }
  pthread_mutex_unlock(&one_at_a_time);
  return fd;
}

#define OPEN(symbol)                                      \
  int symbol(const char *path, int flags, ...) {          \
    va_list more;                                         \
    va_start(more, flags);                                \
    mode_t mode = flags & O_CREAT ? va_arg(more, int) : 0; \
    va_end(more);                                         \
    return open_it(REAL(symbol), path, flags, mode);      \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  if (is_ours(fd)) ours[fd] = 0;
  return REAL(close)(fd);
}

// At -1: where the descriptor stands.
static ssize_t write_it(int fd, const struct iovec *parts, int count, off_t at) {
  pthread_mutex_lock(&one_at_a_time);
  struct stat stat;
  ssize_t written = -1;
  int error = trouble();
  if (error) {
    errno = error;
  } else if (fstat(fd, &stat) == 0) {
    off_t start = fcntl(fd, F_GETFL) & O_APPEND ? stat.st_size : at >= 0 ? at : lseek(fd, 0, SEEK_CUR);
    written = at >= 0 ? pwritev(fd, parts, count, at) : syscall(SYS_writev, fd, parts, count);
    ssize_t left = written;
    for (int n = 0; n < count && left > 0; n++) {
      ssize_t here = left < (ssize_t)parts[n].iov_len ? left : (ssize_t)parts[n].iov_len;
      record(WRITE, stat.st_ino, start, "", parts[n].iov_base, here);
      start += here;
      left -= here;
    }
  }
  pthread_mutex_unlock(&one_at_a_time);
  return written;
}

ssize_t write(int fd, const void *data, size_t len) {
  struct iovec part = {(void *)data, len};
  return is_ours(fd) ? write_it(fd, &part, 1, -1) : REAL(write)(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return is_ours(fd) ? write_it(fd, parts, count, -1) : REAL(writev)(fd, parts, count);
}

#define PWRITE(symbol)                                                      \
  ssize_t symbol(int fd, const void *data, size_t len, off_t at) {          \
    struct iovec part = {(void *)data, len};                                \
    return is_ours(fd) ? write_it(fd, &part, 1, at) : REAL(symbol)(fd, data, len, at); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

static int shorten(__typeof__(&ftruncate) real, int fd, off_t length) {
  if (!is_ours(fd)) return real(fd, length);
  pthread_mutex_lock(&one_at_a_time);
  struct stat stat;
  int error = trouble(), done = error ? failed(error) : real(fd, length);
  if (done == 0 && fstat(fd, &stat) == 0) record(LENGTH, stat.st_ino, length, "", NULL, 0);
  pthread_mutex_unlock(&one_at_a_time);
  return done;
}
int ftruncate(int fd, off_t length) { return shorten(REAL(ftruncate), fd, length); }
int ftruncate64(int fd, off_t length) { return shorten(REAL(ftruncate64), fd, length); }

// Nothing is synced for good: what that is worth disk.rs decides.
static int sync_it(int fd) {
  if (control->slow_ms) usleep(control->slow_ms * 1000);
  pthread_mutex_lock(&one_at_a_time);
  struct stat stat;
  int done = fstat(fd, &stat);
  if (done == 0 && control->mode == BROKEN) {
    record(SYNC_FAILED, stat.st_ino, 0, "", NULL, 0);
    done = failed(EIO);
  } else if (done == 0 && control->mode != DEAF) {
    record(S_ISDIR(stat.st_mode) ? SYNC_NAMES : SYNC, stat.st_ino, 0, "", NULL, 0);
  }
  pthread_mutex_unlock(&one_at_a_time);
  return done;
}
int fsync(int fd) { return is_ours(fd) ? sync_it(fd) : REAL(fsync)(fd); }
int fdatasync(int fd) { return is_ours(fd) ? sync_it(fd) : REAL(fdatasync)(fd); }

// A name is made, taken away or moved. There is room for that on a full disk, but for a new folder.
#define NAMING(call, error, ...)                            \
  pthread_mutex_lock(&one_at_a_time);                       \
  int refused = (error), done = refused ? failed(refused) : (call); \
  if (done == 0) record(__VA_ARGS__);                       \
  pthread_mutex_unlock(&one_at_a_time);                     \
  return done
static int trouble_with_names(void) { return control->mode == FULL ? 0 : trouble(); }

int mkdir(const char *path, mode_t mode) {
  const char *name = within(path);
  if (!name) return REAL(mkdir)(path, mode);
  NAMING(REAL(mkdir)(path, mode), trouble(), FOLDER, 0, mode, name, NULL, 0);
}
int unlink(const char *path) {
  const char *name = within(path);
  if (!name) return REAL(unlink)(path);
  NAMING(REAL(unlink)(path), trouble_with_names(), REMOVE, 0, 0, name, NULL, 0);
}
int rmdir(const char *path) {
  const char *name = within(path);
  if (!name) return REAL(rmdir)(path);
  NAMING(REAL(rmdir)(path), trouble_with_names(), REMOVE, 0, 0, name, NULL, 0);
}
int rename(const char *from, const char *to) {
  const char *name = within(from), *other = within(to);
  if (!name && !other) return REAL(rename)(from, to);
  if (!name || !other) abort();
  NAMING(REAL(rename)(from, to), trouble_with_names(), RENAME, 0, 0, name, other, strlen(other));
}
