// A disk that is full or slow, for the files below one folder: loaded into the program with LD_PRELOAD.
//
//   FAULTS_FOLDER   which files
//   FAULTS_BYTES    so many bytes can be written; then ENOSPC, in the middle of a write too
//   FAULTS_ROOM     until this file is there
//   FAULTS_SYNC_MS  how long each fsync takes
//
// It counts what write, pwrite and pwrite64 write. It is no power cut: what was written stays.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_llong written;

static int concerns(int fd) {
  const char *folder = getenv("FAULTS_FOLDER");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = folder ? readlink(link, path, sizeof path) : -1;
  size_t wanted = folder ? strlen(folder) : 0;
  return length > 0 && (size_t)length > wanted && memcmp(path, folder, wanted) == 0;
}

// How many of `count` bytes there is room for.
static size_t room(int fd, size_t count) {
  const char *bytes = getenv("FAULTS_BYTES"), *file = getenv("FAULTS_ROOM");
  if (!bytes || !concerns(fd) || (file && access(file, F_OK) == 0)) return count;
  long long left = atoll(bytes) - atomic_fetch_add(&written, (long long)count);
  if (left >= (long long)count) return count;
  return left > 0 ? (size_t)left : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FULL(count, allowed) if ((allowed) == 0 && (count) > 0) { errno = ENOSPC; return -1; }

ssize_t write(int fd, const void *bytes, size_t count) {
  size_t allowed = room(fd, count);
  FULL(count, allowed)
  return REAL(write)(fd, bytes, allowed);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  size_t allowed = room(fd, count);
  FULL(count, allowed)
  return REAL(pwrite)(fd, bytes, allowed, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  size_t allowed = room(fd, count);
  FULL(count, allowed)
  return REAL(pwrite64)(fd, bytes, allowed, at);
}

static void slow(int fd) {
  const char *ms = getenv("FAULTS_SYNC_MS");
  if (ms && concerns(fd)) usleep((useconds_t)atoi(ms) * 1000);
}

int fsync(int fd) {
  slow(fd);
  return REAL(fsync)(fd);
}

int fdatasync(int fd) {
  slow(fd);
  return REAL(fdatasync)(fd);
}
