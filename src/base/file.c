#include <longtake/fault.h>
#include <longtake/file.h>
#include <longtake/hash.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TMP_PREFIX ".tmp-"
enum { STALE_SECONDS = 7 * 24 * 3600, TMP_TRIES = 100000 };

/* The folder of `path`, "." for a bare name. */
static void folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    snprintf(folder, LT_PATH_MAX, "%.*s", slash ? (n ? (int)n : 1) : 1, slash ? path : ".");
}

lt_status lt_file_read(const char *path, size_t max_bytes, char **bytes, size_t *n_bytes)
{
    lt_status st = LT_OK;
    char *text = NULL;
    struct stat about;
    size_t n = 0;
    int fd = LT_FAULTY("open", EIO, open(path, O_RDONLY | O_CLOEXEC));
    *bytes = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) LT_FAIL(LT_E_ABSENT, "there is no file %s", path);
    if (fd < 0 || fstat(fd, &about) < 0) LT_FAIL(LT_E_STORE, "cannot read %s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode)) LT_FAIL(LT_E_DATA, "%s is not a file", path);
    if ((uint64_t)about.st_size > max_bytes)
        LT_FAIL(LT_E_DATA, "%s is %lld bytes long, more than the %zu that make sense", path, (long long)about.st_size, max_bytes);
    text = malloc((size_t)about.st_size + 1);
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory to read %s", path);
    while (n < (size_t)about.st_size) {
        ssize_t got = pread(fd, text + n, (size_t)about.st_size - n, (off_t)n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) LT_FAIL(LT_E_STORE, "cannot read %s: %s", path, strerror(errno));
        if (got == 0) break;
        n += (size_t)got;
    }
    text[n] = 0;
    if (n_bytes) *n_bytes = n;
    *bytes = text;
    text = NULL;
done:
    free(text);
    if (fd >= 0) close(fd);
    return st;
}

lt_status lt_file_mkdirs(const char *path)
{
    lt_status st = LT_OK;
    char part[LT_PATH_MAX];
    struct stat about;
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part) LT_FAIL(LT_E_STORE, "cannot make the directory '%.200s': its name is empty or too long", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0) continue;
        part[i] = 0;
        if (LT_FAULTY("mkdir", EIO, mkdir(part, 0777)) < 0) {
            int why = errno;
            bool there = stat(part, &about) == 0;
            if (there && !S_ISDIR(about.st_mode)) why = ENOTDIR;
            if (!there || !S_ISDIR(about.st_mode))
                LT_FAIL(LT_E_STORE, "cannot make the directory %s: %s", part, strerror(why));
        }
        if (i < n) part[i] = '/';
    }
done:
    return st;
}

lt_status lt_file_sync_folder(const char *folder)
{
    lt_status st = LT_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) LT_FAIL(LT_E_STORE, "cannot open the directory %s: %s", folder, strerror(errno));
    /* Some network file systems cannot sync a directory and say EINVAL; there is no more to be had there. */
    if (LT_FAULTY("fsync", EIO, fsync(fd)) < 0 && errno != EINVAL && errno != ENOTSUP)
        LT_FAIL(LT_E_STORE, "cannot sync the directory %s: %s", folder, strerror(errno));
done:
    if (fd >= 0) close(fd);
    return st;
}

/* Field 22 of /proc/PID/stat: when the process began, in ticks since boot; 0 where there is none. *dead: it has ended
 * and nobody has waited for it, as happens to what a killed launcher leaves behind. */
static unsigned long long started(long pid, bool *dead)
{
    char path[64], text[1024];
    unsigned long long start = 0;
    *dead = false;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    /* The command name may hold anything; the last ')' ends it. */
    char *p = strrchr(text, ')');
    *dead = p && p[1] && (p[2] == 'Z' || p[2] == 'X');
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    if (p) start = strtoull(p + 1, NULL, 10);
    return start;
}

/* One number for machine, boot and PID name space: only inside of these does a process id say who lives. */
static uint64_t where_pids_count(void)
{
    char text[512] = "", host[128] = "", boot[64] = "", space[64] = "";
    gethostname(host, sizeof host - 1);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, boot, sizeof boot - 1);
        boot[n > 0 ? n : 0] = 0;
        close(fd);
    }
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n > 0 ? n : 0] = 0;
    snprintf(text, sizeof text, "%s\n%s\n%s", host, boot, space);
    return lt_hash_bytes(text, strlen(text)).low;
}

lt_status lt_tmp_open(const char *folder, lt_tmp *out)
{
    lt_status st = LT_OK;
    uint64_t where = where_pids_count();
    bool dead;
    unsigned long long start = started((long)getpid(), &dead);
    *out = (lt_tmp)LT_TMP_NONE;
    for (int i = 0; i < TMP_TRIES && out->fd < 0; i++) {
        int n = snprintf(out->path, sizeof out->path, "%s/" TMP_PREFIX "%016" PRIx64 "-%ld-%llu-%d", folder, where, (long)getpid(), start, i);
        if (n >= (int)sizeof out->path) LT_FAIL(LT_E_STORE, "cannot write into %.200s...: the path is too long", folder);
        out->fd = LT_FAULTY("open", EIO, open(out->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (out->fd < 0 && errno != EEXIST && errno != EINTR)
            LT_FAIL(LT_E_STORE, "cannot write into %s: %s", folder, strerror(errno));
    }
    if (out->fd < 0) LT_FAIL(LT_E_STORE, "cannot write into %s: it is full of temporary files of this process", folder);
done:
    return st;
}

lt_status lt_tmp_write(lt_tmp *tmp, int64_t offset, const void *bytes, size_t n_bytes)
{
    lt_status st = LT_OK;
    for (size_t n = 0; n < n_bytes;) {
        ssize_t put = LT_FAULTY("write", ENOSPC, pwrite(tmp->fd, (const char *)bytes + n, n_bytes - n, (off_t)offset + (off_t)n));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) LT_FAIL(LT_E_STORE, "cannot write %s: %s", tmp->path, strerror(errno));
        n += (size_t)put;
    }
done:
    return st;
}

/* fsync and close, after which only the name is temporary. */
static lt_status settle(lt_tmp *tmp)
{
    lt_status st = LT_OK;
    if (LT_FAULTY("fsync", EIO, fsync(tmp->fd)) < 0) LT_FAIL(LT_E_STORE, "cannot sync %s: %s", tmp->path, strerror(errno));
    int failed = close(tmp->fd);
    tmp->fd = -1;
    if (failed && errno != EINTR) LT_FAIL(LT_E_STORE, "cannot close %s: %s", tmp->path, strerror(errno));
done:
    return st;
}

lt_status lt_tmp_commit(lt_tmp *tmp, const char *path)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    folder_of(path, folder);
    LT_TRY(settle(tmp));
    if (LT_FAULTY("rename", EIO, rename(tmp->path, path)) < 0)
        LT_FAIL(LT_E_STORE, "cannot rename %s to %s: %s", tmp->path, path, strerror(errno));
    tmp->path[0] = 0;
    LT_TRY(lt_file_sync_folder(folder));
done:
    lt_tmp_drop(tmp);
    return st;
}

void lt_tmp_drop(lt_tmp *tmp)
{
    if (tmp->fd >= 0) close(tmp->fd);
    if (tmp->path[0]) unlink(tmp->path);
    tmp->fd = -1;
    tmp->path[0] = 0;
}

lt_status lt_file_replace(const char *path, const void *bytes, size_t n_bytes)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    lt_tmp tmp = LT_TMP_NONE;
    folder_of(path, folder);
    LT_TRY(lt_tmp_open(folder, &tmp));
    LT_TRY(lt_tmp_write(&tmp, 0, bytes, n_bytes));
    LT_TRY(lt_tmp_commit(&tmp, path));
done:
    lt_tmp_drop(&tmp);
    return st;
}

/* link(), or, on file systems without hard links, a rename that does not replace. */
static int link_once(const char *from, const char *to)
{
    if (LT_FAULTY("link", EIO, link(from, to)) == 0) return 0;
    if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS && errno != EMLINK) return -1;
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

lt_status lt_file_create(const char *path, const void *bytes, size_t n_bytes, bool *created)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    lt_tmp tmp = LT_TMP_NONE;
    *created = false;
    folder_of(path, folder);
    if (access(path, F_OK) == 0) goto done;
    LT_TRY(lt_tmp_open(folder, &tmp));
    LT_TRY(lt_tmp_write(&tmp, 0, bytes, n_bytes));
    LT_TRY(settle(&tmp));
    if (link_once(tmp.path, path) == 0) {
        *created = true;
        LT_TRY(lt_file_sync_folder(folder));
    } else if (errno != EEXIST) {
        LT_FAIL(LT_E_STORE, "cannot create %s: %s", path, strerror(errno));
    }
done:
    lt_tmp_drop(&tmp);
    return st;
}

/* Whether the owner named in `name` is known to be dead. */
static bool owner_is_dead(const char *name, uint64_t where)
{
    uint64_t there;
    long pid;
    unsigned long long start;
    if (sscanf(name, TMP_PREFIX "%16" SCNx64 "-%ld-%llu-", &there, &pid, &start) != 3) return false;
    if (there != where || pid <= 0) return false;
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH) return true;
    bool dead;
    unsigned long long now = started(pid, &dead);
    if (dead) return true;
    return start != 0 && now != 0 && now != start;
}

void lt_tmp_sweep(const char *folder)
{
    uint64_t where = where_pids_count();
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat about;
        if (strncmp(e->d_name, TMP_PREFIX, strlen(TMP_PREFIX)) != 0) continue;
        if (fstatat(dirfd(dir), e->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(about.st_mode)) continue;
        if (owner_is_dead(e->d_name, where) || time(NULL) - about.st_mtime > STALE_SECONDS)
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir) closedir(dir);
}
