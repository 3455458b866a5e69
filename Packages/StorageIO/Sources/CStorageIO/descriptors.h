// How this target makes descriptors, all of them.
#ifndef CSIO_DESCRIPTORS_H
#define CSIO_DESCRIPTORS_H

enum {
    CSIO_FIRST_DESCRIPTOR = 3,  // the smallest that a file of ours may have
};

// open, repeated when interrupted, with a descriptor that is none of the standard ones, whichever of
// those are closed. The descriptor or a negated errno.
int csio_open_descriptor(const char *path, int mode, int rights);

#endif
