// Records what programs do to the files below one folder, in the order in which it happens: loaded with LD_PRELOAD.
//
//   RECORD_FOLDER   which files, as an absolute path without links
//   RECORD_LOG      where the record goes, outside the folder; several processes may share it. Without it nothing is recorded
//   RECORD_MARKS    a folder: what is written to files right in it is recorded as marks, with the name of the file
//   RECORD_KILL     `rename:3` kills the process right after its third rename; `any:3`, after its third operation
//   RECORD_EIO      `-wal:5:3` lets syncs of files fail whose path ends so: the three after the first five. With a `/` at its
//                   end, those of folders that have it in their path
//   RECORD_BOOT_ID  a file that is read as the id of the boot
//   RECORD_LATER    by how many seconds the wall clock is ahead: the machine was off for so long
//
// An operation is carried out and recorded under one lock of all threads and processes, so the record has their true order.
// A sync is recorded and not carried out: what it makes safe is for the reader of the record to say. What is written through
// a mapping is not seen; SQLite maps only its index of the log, which does not survive a power cut anyway.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *folder, *marks;
static int record = -1;
static char kill_after[16], eio_in[64];
static long kills_in, eio_after, eio_left;
static pthread_mutex_t threads = PTHREAD_MUTEX_INITIALIZER;

static void lock(void) {
  pthread_mutex_lock(&threads);
  if (record >= 0) while (flock(record, LOCK_EX) != 0 && errno == EINTR) {}
}

static void unlock(void) {
  int error = errno;
  if (record >= 0) flock(record, LOCK_UN);
  pthread_mutex_unlock(&threads);
  errno = error;
}

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("RECORD_LOG"), *deadly = getenv("RECORD_KILL"), *eio = getenv("RECORD_EIO");
  folder = getenv("RECORD_FOLDER");
  marks = getenv("RECORD_MARKS");
  if (folder && log) record = REAL(open64)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (deadly) sscanf(deadly, "%15[a-z]:%ld", kill_after, &kills_in);
  if (eio) sscanf(eio, "%63[^:]:%ld:%ld", eio_in, &eio_after, &eio_left);
}

// A thread that exits or aborts lets no other one be between an operation and its record.
__attribute__((destructor)) static void end(void) { lock(); }

void abort(void) {
  lock();
  REAL(abort)();
  _exit(134);
}

// One entry: a line, and bytes that belong to it. Called under the lock.
static void say(const char *line, const void *bytes, size_t count) {
  if (record < 0) return;
  struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)bytes, count}};
  int error = errno;
  REAL(writev)(record, parts, count ? 2 : 1);
  errno = error;
  int counts = strcmp(kill_after, "any") == 0 || strncmp(line, kill_after, strcspn(line, " ")) == 0;
  if (*kill_after && counts && --kills_in == 0) {
    kill(getpid(), SIGKILL);
    pause();
  }
}

static int is_below(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

// The path of an open file, and whether it lies below the folder.
static int path_of(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = folder ? readlink(link, path, PATH_MAX - 1) : -1;
  path[length > 0 ? length : 0] = 0;
  return length > 0 && is_below(path);
}

// The path of what is named, whether it is there or not: only the folder in which it lies need be there.
static int path_at(int at, const char *name, char path[PATH_MAX]) {
  char given[PATH_MAX], whole[PATH_MAX];
  if (!folder) return 0;
  if (name[0] != '/' && at != AT_FDCWD) {
    char base[PATH_MAX];
    path_of(at, base);
    if (snprintf(given, sizeof given, "%s/%s", base, name) >= PATH_MAX) return 0;
  } else if (snprintf(given, sizeof given, "%s%s", name[0] == '/' ? "" : "./", name) >= PATH_MAX) {
    return 0;
  }
  char *last = strrchr(given, '/');
  *last = 0;
  if (!realpath(*given ? given : "/", whole)) return 0;
  return snprintf(path, PATH_MAX, "%s/%s", whole, last + 1) < PATH_MAX && is_below(path);
}

static unsigned long number_of(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 ? (unsigned long)found.st_ino : 0;
}

static const char *below(const char *path) {
  const char *rest = path + strlen(folder);
  return *rest == '/' ? rest + 1 : rest;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int answer = REAL(clock_gettime)(clock, time);
  const char *later = clock == CLOCK_REALTIME ? getenv("RECORD_LATER") : NULL;
  if (later && answer == 0) time->tv_sec += atol(later);
  return answer;
}

static int open_any(int at, const char *name, int flags, mode_t mode) {
  const char *boot_id = getenv("RECORD_BOOT_ID");
  if (boot_id && strcmp(name, "/proc/sys/kernel/random/boot_id") == 0) name = boot_id;
  char path[PATH_MAX], line[PATH_MAX + 64];
  int changes = (flags & (O_CREAT | O_TRUNC)) && path_at(at, name, path);
  if (!changes) return REAL(openat64)(at, name, flags, mode);
  lock();
  int was_there = access(path, F_OK) == 0;
  int fd = REAL(openat64)(at, name, flags, mode);
  if (fd >= 0 && !was_there) {
    snprintf(line, sizeof line, "create %lu %s\n", number_of(fd), below(path));
    say(line, NULL, 0);
  } else if (fd >= 0 && (flags & O_TRUNC)) {
    snprintf(line, sizeof line, "truncate %lu 0\n", number_of(fd));
    say(line, NULL, 0);
  }
  unlock();
  return fd;
}

#define MODE(flags, last) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, last); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *name, int flags, ...) { MODE(flags, flags) return open_any(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags, flags) return open_any(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE(flags, flags) return open_any(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE(flags, flags) return open_any(at, name, flags, mode); }

// Whether writes to a file are of interest: 1 as operations, 2 as marks.
static int interest(int fd) {
  char path[PATH_MAX];
  if (path_of(fd, path)) return 1;
  size_t length = marks ? strlen(marks) : 0;
  return length && strncmp(path, marks, length) == 0 && strrchr(path, '/') == path + length ? 2 : 0;
}

static void wrote(int fd, int interest, long long at, const void *bytes, ssize_t count) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (count <= 0) return;
  if (interest == 2) {
    path_of(fd, path);
    snprintf(line, sizeof line, "mark %zd %s\n", count, path + strlen(marks) + 1);
  } else {
    snprintf(line, sizeof line, "write %lu %lld %zd\n", number_of(fd), at, count);
  }
  say(line, bytes, (size_t)count);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  int of = interest(fd);
  if (!of) return REAL(write)(fd, bytes, count);
  lock();
  ssize_t done = REAL(write)(fd, bytes, count);
  // Where it was written is known only afterwards: the file may be open for appending.
  wrote(fd, of, lseek64(fd, 0, SEEK_CUR) - done, bytes, done);
  unlock();
  return done;
}

// As several writes. What is written is the same; fewer bytes than asked for are allowed.
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (count < 1 || !interest(fd)) return REAL(writev)(fd, parts, count);
  while (count > 1 && parts->iov_len == 0) parts++, count--;
  return write(fd, parts->iov_base, parts->iov_len);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  int of = interest(fd);
  if (!of) return REAL(pwrite64)(fd, bytes, count, at);
  lock();
  ssize_t done = REAL(pwrite64)(fd, bytes, count, at);
  wrote(fd, of, at, bytes, done);
  unlock();
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

int ftruncate64(int fd, off64_t length) {
  if (interest(fd) != 1) return REAL(ftruncate64)(fd, length);
  char line[128];
  lock();
  int done = REAL(ftruncate64)(fd, length);
  snprintf(line, sizeof line, "truncate %lu %lld\n", number_of(fd), (long long)length);
  if (done == 0) say(line, NULL, 0);
  unlock();
  return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

// Whether this sync is one that fails. Called under the lock.
static int is_to_fail(int fd) {
  char path[PATH_MAX];
  struct stat found;
  size_t length = strlen(eio_in);
  if (!length || !eio_left || !path_of(fd, path) || fstat(fd, &found) != 0) return 0;
  int is_meant = S_ISDIR(found.st_mode) ? eio_in[length - 1] == '/' && strstr(path, eio_in)
                                        : strlen(path) > length && strcmp(path + strlen(path) - length, eio_in) == 0;
  if (!is_meant || eio_after-- > 0) return 0;
  eio_left--;
  return 1;
}

// A sync that fails has lost what it was to bring to the disk: the system calls it clean afterwards.
static int sync_any(int fd) {
  char line[128];
  lock();
  int fails = is_to_fail(fd);
  snprintf(line, sizeof line, "%s %lu\n", fails ? "lose" : "sync", number_of(fd));
  say(line, NULL, 0);
  unlock();
  if (fails) errno = EIO;
  return fails ? -1 : 0;
}

int fsync(int fd) { return interest(fd) == 1 ? sync_any(fd) : REAL(fsync)(fd); }
int fdatasync(int fd) { return interest(fd) == 1 ? sync_any(fd) : REAL(fdatasync)(fd); }

int mkdirat(int at, const char *name, mode_t mode) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  struct stat made;
  if (!path_at(at, name, path)) return REAL(mkdirat)(at, name, mode);
  lock();
  int done = REAL(mkdirat)(at, name, mode);
  if (done == 0 && stat(path, &made) == 0) {
    snprintf(line, sizeof line, "folder %lu %s\n", (unsigned long)made.st_ino, below(path));
    say(line, NULL, 0);
  }
  unlock();
  return done;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int unlinkat(int at, const char *name, int flags) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (!path_at(at, name, path)) return REAL(unlinkat)(at, name, flags);
  lock();
  int done = REAL(unlinkat)(at, name, flags);
  snprintf(line, sizeof line, "unlink %s\n", below(path));
  if (done == 0) say(line, NULL, 0);
  unlock();
  return done;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

// Both paths without the folder; a tab stands between them, and in no name.
static int two(const char *how, int from_at, const char *from, int to_at, const char *to, int flags) {
  char source[PATH_MAX], target[PATH_MAX], line[2 * PATH_MAX + 64];
  int is_rename = how[0] == 'r';
  int concerns = path_at(from_at, from, source) & path_at(to_at, to, target);
  if (concerns) lock();
  int done = is_rename ? REAL(renameat)(from_at, from, to_at, to) : REAL(linkat)(from_at, from, to_at, to, flags);
  if (concerns) {
    snprintf(line, sizeof line, "%s %s\t%s\n", how, below(source), below(target));
    if (done == 0) say(line, NULL, 0);
    unlock();
  }
  return done;
}

int renameat(int at, const char *from, int to_at, const char *to) { return two("rename", at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return two("rename", AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int at, const char *from, int to_at, const char *to, int flags) {
  return two("link", at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return two("link", AT_FDCWD, from, AT_FDCWD, to, 0); }
