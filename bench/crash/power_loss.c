/* Remembers how files were before each change that nobody has synced yet.

   Preloaded into every process of a "machine". Each change of a file or of a folder's
   list of names below the roots is written to a journal together with what was there
   before; fsync notes what became durable. `power.py` reads the journal and takes back
   what a power cut would have lost.

   POWER_JOURNAL  folder of the journal, in memory, shared by all processes
   POWER_ROOTS    folders to watch, separated by colons, absolute and without links
   POWER_GRAVES   folder in the same file system: keeps files that were removed
   POWER_LIES     if set, fsync succeeds and makes nothing durable (a disk that lies)

   Not seen: stdio, mmap (SQLite's -shm files are dropped whole), sendfile, io_uring. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDLES 65536
#define REAL(name, type, ...)                                                          \
    static type (*real)(__VA_ARGS__);                                                  \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

struct control {
    atomic_int made; /* 0 not yet, 1 being made, 2 done */
    atomic_int off;  /* the power is cut: no change goes through any more */
    uint64_t sequence;
    pthread_mutex_t lock;
};

struct header { /* as in power.py */
    uint32_t magic;
    uint8_t type;
    uint8_t spare;
    uint16_t from_length, to_length, spare2;
    uint32_t data_length;
    uint64_t sequence, file, folder, synced;
    int64_t offset, length, old_size;
};

static struct control *control;
static int journal = -1;
static const char *roots, *graves;
static int lies;
static unsigned char watched[HANDLES];

static ssize_t plain_writev(int handle, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    return real(handle, parts, count);
}

static int plain_open(const char *path, int flags, mode_t mode) {
    REAL("open64", int, const char *, int, ...);
    return real(path, flags, mode);
}

static int plain_close(int handle) {
    REAL("close", int, int);
    return real(handle);
}

static struct control *attach(const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/control", folder);
    int handle = plain_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (handle < 0) return NULL;
    (void)!fchmod(handle, 0666);
    struct stat found;
    if (fstat(handle, &found) == 0 && found.st_size < (off_t)sizeof(struct control)) {
        REAL("ftruncate64", int, int, off_t);
        (void)!real(handle, sizeof(struct control));
    }
    struct control *made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED,
                                handle, 0);
    plain_close(handle);
    if (made == MAP_FAILED) return NULL;
    int expected = 0;
    if (atomic_compare_exchange_strong(&made->made, &expected, 1)) {
        pthread_mutexattr_t how;
        pthread_mutexattr_init(&how);
        pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&made->lock, &how);
        made->sequence = 1;
        atomic_store(&made->made, 2);
    }
    while (atomic_load(&made->made) != 2) usleep(100);
    return made;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_JOURNAL");
    if (!folder || !getenv("POWER_ROOTS") || !getenv("POWER_GRAVES")) return;
    roots = strdup(getenv("POWER_ROOTS")); /* programs write over their environment, */
    graves = strdup(getenv("POWER_GRAVES")); /* as PostgreSQL does for `ps` */
    lies = getenv("POWER_LIES") != NULL;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log", folder);
    int handle = plain_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    struct control *found = attach(folder);
    if (handle < 0 || !found) {
        fputs("power_loss: no journal\n", stderr);
        abort();
    }
    (void)!fchmod(handle, 0666);
    journal = fcntl(handle, F_DUPFD_CLOEXEC, 500);
    plain_close(handle);
    control = found;
}

static void take(void) {
    if (pthread_mutex_lock(&control->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&control->lock);
    if (atomic_load(&control->off)) {
        pthread_mutex_unlock(&control->lock);
        for (;;) pause();
    }
}

static void give(void) { pthread_mutex_unlock(&control->lock); }

/* For the harness: from when this returns, no change and no sync goes through. */
int power_cut(const char *folder) {
    struct control *found = attach(folder);
    if (!found) return -1;
    if (pthread_mutex_lock(&found->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&found->lock);
    atomic_store(&found->off, 1);
    pthread_mutex_unlock(&found->lock);
    munmap(found, sizeof *found);
    return 0;
}

/* Call with the lock held. */
static void note(struct header *about, const char *from, const char *to,
                 const void *data) {
    about->magic = 0x31575050;
    about->sequence = control->sequence++;
    about->from_length = from ? strlen(from) : 0;
    about->to_length = to ? strlen(to) : 0;
    struct iovec parts[4] = {{about, sizeof *about},
                             {(void *)from, about->from_length},
                             {(void *)to, about->to_length},
                             {(void *)data, about->data_length}};
    ssize_t size = sizeof *about + about->from_length + about->to_length +
                   about->data_length;
    if (plain_writev(journal, parts, 4) != size) {
        fputs("power_loss: the journal is full\n", stderr);
        abort();
    }
}

static int is_below_roots(const char *path) {
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, "-shm")) return 0;
    for (const char *root = roots; root && *root;) {
        size_t size = strcspn(root, ":");
        if (!strncmp(path, root, size) && (path[size] == '/' || !path[size])) return 1;
        root += size + (root[size] == ':');
    }
    return 0;
}

/* Makes a path absolute; returns whether it is below the roots. */
static int place(int folder, const char *path, char out[PATH_MAX]) {
    if (!control || !path) return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        char base[PATH_MAX / 2], link[64];
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t size = readlink(link, base, sizeof base - 1);
            if (size < 0) return 0;
            base[size] = 0;
        }
        while (path[0] == '.' && path[1] == '/') path += 2;
        snprintf(out, PATH_MAX, "%s/%s", base, path);
    }
    return is_below_roots(out);
}

static uint64_t inode(const char *path) {
    struct stat found;
    return lstat(path, &found) ? 0 : found.st_ino;
}

static uint64_t parent(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return 0;
    *slash = 0;
    return inode(folder);
}

static int is_watched(int handle) {
    return control && handle >= 0 && handle < HANDLES && watched[handle];
}

/* Notes what `length` bytes at `offset` are before they change; lock held. */
static void note_bytes(char type, int handle, int64_t offset, int64_t length) {
    struct stat found;
    if (fstat(handle, &found) || !S_ISREG(found.st_mode)) return;
    struct header about = {.type = type, .file = found.st_ino, .offset = offset,
                           .length = length, .old_size = found.st_size};
    int64_t end = type == 'T' ? found.st_size : offset + length;
    if (end > found.st_size) end = found.st_size;
    char *data = NULL;
    if (end > offset) {
        data = malloc(end - offset);
        ssize_t got = data ? pread(handle, data, end - offset, offset) : -1;
        if (got < 0 && errno == EBADF) { /* open for writing only */
            /* Not otherwise: to close a file drops this process's locks on it. */
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
            int reader = plain_open(link, O_RDONLY | O_CLOEXEC, 0);
            got = pread(reader, data, end - offset, offset);
            plain_close(reader);
        }
        if (got != end - offset) {
            fputs("power_loss: cannot read what is overwritten\n", stderr);
            abort();
        }
        about.data_length = got;
    }
    note(&about, NULL, NULL, data);
    free(data);
}

static void note_name(char type, const char *path, const char *to) {
    struct header about = {.type = type, .file = inode(to && type == 'R' ? to : path),
                           .folder = parent(to && type == 'R' ? to : path)};
    note(&about, path, to, NULL);
}

/* Keeps a file that is about to lose this name; lock held. */
static void bury(const char *path) {
    struct stat found;
    if (lstat(path, &found)) return;
    char grave[PATH_MAX];
    snprintf(grave, sizeof grave, "%s/%llu", graves,
             (unsigned long long)control->sequence);
    REAL("link", int, const char *, const char *);
    if (real(path, grave)) {
        perror("power_loss: cannot keep a removed file");
        abort();
    }
    note_name('U', path, grave);
}

/* Opening and closing. */

static int opened(int (*open_it)(int, const char *, int, mode_t), int folder,
                  const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    int changes = (flags & O_ACCMODE) != O_RDONLY;
    int ours = (changes || flags & O_CREAT) && place(folder, path, full);
    if (ours && flags & (O_CREAT | O_TRUNC)) {
        take();
        uint64_t before = inode(full);
        if (before && flags & O_TRUNC) {
            int handle = plain_open(full, O_RDONLY | O_CLOEXEC, 0);
            if (handle >= 0) {
                note_bytes('T', handle, 0, 0);
                plain_close(handle);
            }
        }
        int handle = open_it(folder, path, flags, mode);
        int error = errno;
        if (handle >= 0 && !before) note_name('C', full, NULL);
        give();
        errno = error;
        if (handle >= 0 && handle < HANDLES) watched[handle] = changes;
        return handle;
    }
    int handle = open_it(folder, path, flags, mode);
    if (handle >= 0 && handle < HANDLES) watched[handle] = ours && changes;
    return handle;
}

static int by_open(int folder, const char *path, int flags, mode_t mode) {
    (void)folder;
    return plain_open(path, flags, mode);
}

static int by_openat(int folder, const char *path, int flags, mode_t mode) {
    REAL("openat64", int, int, const char *, int, ...);
    return real(folder, path, flags, mode);
}

#define MODE_OF(flags)                                                                 \
    mode_t mode = 0;                                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                                               \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode = va_arg(rest, mode_t);                                                   \
        va_end(rest);                                                                  \
    }
#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        MODE_OF(flags)                                                                 \
        return opened(by_open, AT_FDCWD, path, flags, mode);                           \
    }
#define OPENAT(name)                                                                   \
    int name(int folder, const char *path, int flags, ...) {                           \
        MODE_OF(flags)                                                                 \
        return opened(by_openat, folder, path, flags, mode);                           \
    }
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)
OPENAT(openat)
OPENAT(openat64)
OPENAT(__openat_2)
OPENAT(__openat64_2)

int close(int handle) {
    if (handle >= 0 && handle < HANDLES) watched[handle] = 0;
    if (handle == journal && journal >= 0) return 0;
    return plain_close(handle);
}

/* Contents. */

static int64_t here(int handle) {
    struct stat found;
    if (fcntl(handle, F_GETFL) & O_APPEND && !fstat(handle, &found))
        return found.st_size;
    return lseek(handle, 0, SEEK_CUR);
}

static int64_t total(const struct iovec *parts, int count) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

#define CHANGE(handle, type, offset, length, result, call)                             \
    if (!is_watched(handle)) return call;                                              \
    take();                                                                            \
    note_bytes(type, handle, offset, length);                                          \
    result done = call;                                                                \
    int error = errno;                                                                 \
    give();                                                                            \
    errno = error;                                                                     \
    return done;

ssize_t write(int handle, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    CHANGE(handle, 'W', here(handle), size, ssize_t, real(handle, data, size))
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    CHANGE(handle, 'W', here(handle), total(parts, count), ssize_t,
           plain_writev(handle, parts, count))
}

#define PWRITE(name)                                                                   \
    ssize_t name(int handle, const void *data, size_t size, off_t offset) {            \
        REAL("pwrite64", ssize_t, int, const void *, size_t, off_t);                   \
        CHANGE(handle, 'W', offset, size, ssize_t, real(handle, data, size, offset))   \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                  \
    ssize_t name(int handle, const struct iovec *parts, int count, off_t offset) {     \
        REAL("pwritev64", ssize_t, int, const struct iovec *, int, off_t);             \
        CHANGE(handle, 'W', offset, total(parts, count), ssize_t,                      \
               real(handle, parts, count, offset))                                     \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define FTRUNCATE(name)                                                                \
    int name(int handle, off_t size) {                                                 \
        REAL("ftruncate64", int, int, off_t);                                          \
        CHANGE(handle, 'T', size, 0, int, real(handle, size))                          \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define TRUNCATE(name)                                                                 \
    int name(const char *path, off_t size) {                                           \
        int handle = open(path, O_WRONLY | O_CLOEXEC);                                 \
        if (handle < 0) return -1;                                                     \
        int done = ftruncate(handle, size);                                            \
        close(handle);                                                                 \
        return done;                                                                   \
    }
TRUNCATE(truncate)
TRUNCATE(truncate64)

#define FALLOCATE(name)                                                                \
    int name(int handle, off_t offset, off_t size) {                                   \
        REAL("posix_fallocate64", int, int, off_t, off_t);                             \
        CHANGE(handle, 'T', offset + size, 0, int, real(handle, offset, size))         \
    }
FALLOCATE(posix_fallocate)
FALLOCATE(posix_fallocate64)

/* Names. */

static int renamed(int from_folder, const char *from, int to_folder, const char *to,
                   unsigned flags) {
    REAL("renameat2", int, int, const char *, int, const char *, unsigned);
    char source[PATH_MAX], target[PATH_MAX];
    int ours = place(from_folder, from, source);
    ours |= place(to_folder, to, target) << 1;
    if (!ours) return real(from_folder, from, to_folder, to, flags);
    take();
    struct stat old;
    if (!lstat(target, &old) && !S_ISDIR(old.st_mode)) bury(target);
    int done = real(from_folder, from, to_folder, to, flags);
    int error = errno;
    if (!done) note_name('R', source, target);
    give();
    errno = error;
    return done;
}

int rename(const char *from, const char *to) {
    return renamed(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renamed(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to,
              unsigned flags) {
    return renamed(from_folder, from, to_folder, to, flags);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL("unlinkat", int, int, const char *, int);
    char full[PATH_MAX];
    if (!place(folder, path, full)) return real(folder, path, flags);
    take();
    if (!(flags & AT_REMOVEDIR)) bury(full);
    uint64_t of = parent(full);
    int done = real(folder, path, flags);
    int error = errno;
    if (!done && flags & AT_REMOVEDIR) {
        struct header about = {.type = 'X', .folder = of};
        note(&about, full, NULL, NULL);
    }
    give();
    errno = error;
    return done;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL("mkdirat", int, int, const char *, mode_t);
    char full[PATH_MAX];
    if (!place(folder, path, full)) return real(folder, path, mode);
    take();
    int done = real(folder, path, mode);
    int error = errno;
    if (!done) note_name('D', full, NULL);
    give();
    errno = error;
    return done;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_folder, const char *from, int to_folder, const char *to,
           int flags) {
    REAL("linkat", int, int, const char *, int, const char *, int);
    char full[PATH_MAX];
    if (!place(to_folder, to, full))
        return real(from_folder, from, to_folder, to, flags);
    take();
    int done = real(from_folder, from, to_folder, to, flags);
    int error = errno;
    if (!done) note_name('C', full, NULL);
    give();
    errno = error;
    return done;
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Durability. What was written before a sync began is durable when it has ended. */

static int synced(int handle, int (*sync_it)(int)) {
    struct stat found;
    if (!control || fstat(handle, &found) ||
        !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)))
        return sync_it(handle);
    take();
    uint64_t until = control->sequence;
    give();
    int done = sync_it(handle);
    int error = errno;
    if (!done && !lies) {
        take();
        struct header about = {.type = 'S', .file = found.st_ino, .synced = until};
        note(&about, NULL, NULL, NULL);
        give();
    }
    errno = error;
    return done;
}

static int by_fsync(int handle) {
    REAL("fsync", int, int);
    return real(handle);
}

static int by_fdatasync(int handle) {
    REAL("fdatasync", int, int);
    return real(handle);
}

int fsync(int handle) { return synced(handle, by_fsync); }
int fdatasync(int handle) { return synced(handle, by_fdatasync); }
