// How descriptors are made. See descriptors.h for the contract.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Descriptors 0, 1 and 2 are the program's own, also where it has closed them: what it prints, or
// what a library or the C runtime writes to standard error, must never reach a file of ours. So a
// closed one is held by a plug while a file is opened: a directory, which takes no write.
struct plug {
    int descriptor;
    struct stat status;
};

static int plug_standard_descriptors(struct plug *plugs) {
    int count = 0;
    for (int standard = 0; standard < CSIO_FIRST_DESCRIPTOR; standard++) {
        if (fcntl(standard, F_GETFD) >= 0 || errno != EBADF) continue;
        int descriptor = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
        if (descriptor < 0) break;
        struct plug *plug = &plugs[count];
        plug->descriptor = descriptor;
        if (fstat(descriptor, &plug->status) == 0 && descriptor < CSIO_FIRST_DESCRIPTOR) {
            count++;
        } else {
            close(descriptor);
        }
    }
    return count;
}

// Another thread may have given the number to a file of its own meanwhile (by dup2), which stays.
static void pull_plug(const struct plug *plug) {
    struct stat now;
    if (fstat(plug->descriptor, &now) == 0 && now.st_dev == plug->status.st_dev &&
        now.st_ino == plug->status.st_ino)
        close(plug->descriptor);
}

int csio_open_descriptor(const char *path, int mode, int rights) {
    struct plug plugs[CSIO_FIRST_DESCRIPTOR];
    int count = plug_standard_descriptors(plugs);
    int descriptor;
    do {
        descriptor = open(path, mode, rights);
    } while (descriptor < 0 && errno == EINTR);
    int error = errno;
    if (descriptor >= 0 && descriptor < CSIO_FIRST_DESCRIPTOR) {
        // The program closed one just now, or there was no descriptor left for the plug.
        int higher = fcntl(descriptor, F_DUPFD_CLOEXEC, CSIO_FIRST_DESCRIPTOR);
        error = errno;
        close(descriptor);
        descriptor = higher;
    }
    while (count > 0) pull_plug(&plugs[--count]);
    return descriptor >= 0 ? descriptor : -error;
}
