// The first and only process of the emulated machine: mounts what the program needs, runs it, says how it
// ended, and turns the machine off.
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_at(const char *kind, const char *place) {
    mkdir(place, 0755);
    if (mount(kind, place, kind, 0, 0) != 0) perror(place);
}

int main(void) {
    struct utsname system;
    uname(&system);
    printf("\n%s, %s\npage size %ld\n", system.release, system.machine, sysconf(_SC_PAGESIZE));
    fflush(stdout);
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("devtmpfs", "/dev");
    mount_at("tmpfs", "/database");
    pid_t child = fork();
    if (child == 0) {
        if (chdir("/database") == 0) execl("/program", "program", (char *)0);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    wait4(child, &status, 0, &usage);
    if (WIFSIGNALED(status)) printf("The program was ended by signal %d.\n", WTERMSIG(status));
    else printf("The program ended with status %d.\n", WEXITSTATUS(status));
    printf("%ld KiB of memory at most.\n", usage.ru_maxrss);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 0;
}
