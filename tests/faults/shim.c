/*
 * Stands between the relay and the system (LD_PRELOAD), so that a test can make disk and clock misbehave:
 *
 *   MUXHOOK_FAULT_LIE=FILE      while FILE exists, fsync and fdatasync do nothing, and say that all is well
 *   MUXHOOK_FAULT_TEAR=1        before some syncs only a part of what was written reaches the disk, for a while
 *   MUXHOOK_FAULT_TRIGGER=FILE  while FILE exists, the calls that it names ("sync", "write", "checkpoint") fail with EIO
 *                               on files of the journal; "checkpoint" is a sync of the database itself
 *   MUXHOOK_FAULT_CLOCK=FILE    the wall clock is as many seconds off as FILE says
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What stands in a small file, and 0; nothing when there is no such file. */
static int read_file(const char *variable, char *text, size_t size) {
    const char *path = getenv(variable);
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t count = read(file, text, size - 1);
    close(file);
    text[count > 0 ? count : 0] = 0;
    return 1;
}

/* The file's name within its folder. */
static void name_of(int file, char *name, size_t size) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t count = readlink(link, path, sizeof path - 1);
    path[count > 0 ? count : 0] = 0;
    const char *slash = strrchr(path, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : path);
}

static int is_triggered(int file, const char *call) {
    char calls[128], name[256];
    if (!read_file("MUXHOOK_FAULT_TRIGGER", calls, sizeof calls)) return 0;
    name_of(file, name, sizeof name);
    if (strncmp(name, "journal.db", 10) != 0) return 0;
    if (!strcmp(call, "sync") && strstr(calls, "checkpoint")) return !strcmp(name, "journal.db");
    return strstr(calls, call) != NULL;
}

static void tear(int file) {
    static __thread unsigned seed;
    struct stat stat;
    if (!seed) seed = (unsigned)(time(NULL) ^ (getpid() << 8));
    if (rand_r(&seed) % 4 || fstat(file, &stat) || stat.st_size < 8192) return;
    off_t pages = stat.st_size / 4096, first = rand_r(&seed) % pages;
    sync_file_range(file, first * 4096, (1 + rand_r(&seed) % 64) * 4096,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    usleep(8000);
}

static int sync_by(int file, long call) {
    char nothing[1];
    if (read_file("MUXHOOK_FAULT_LIE", nothing, sizeof nothing)) return 0;
    if (is_triggered(file, "sync")) {
        errno = EIO;
        return -1;
    }
    if (getenv("MUXHOOK_FAULT_TEAR")) tear(file);
    return (int)syscall(call, file);
}

int fsync(int file) { return sync_by(file, SYS_fsync); }
int fdatasync(int file) { return sync_by(file, SYS_fdatasync); }

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
    if (is_triggered(file, "write")) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, file, bytes, size, offset);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) { return pwrite64(file, bytes, size, offset); }

static long seconds_off(void) {
    char text[32];
    return read_file("MUXHOOK_FAULT_CLOCK", text, sizeof text) ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (!result && clock == CLOCK_REALTIME) time->tv_sec += seconds_off();
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
