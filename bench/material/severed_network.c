/* A network that leads to some places no more while a file names them: for processes started with it in LD_PRELOAD.

   The file's first line is the port on 127.0.0.1 at which connections are never accepted; each other one is
   "drop ADDRESS PORT" or "refuse ADDRESS PORT". What is dropped is not answered: a new connection waits for the kernel's
   own timeout, and what is sent on an old one is held back until the file is gone, or the other end had closed it before. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum way { OPEN, DROP, REFUSE };

static const char *named_places(void) {
    static const char *file;
    if (file == NULL) file = getenv("SEVERED_NETWORK_FILE");
    return file != NULL && syscall(SYS_access, file, F_OK) == 0 ? file : NULL;
}

static enum way way_to(const struct sockaddr *address, int *silent_port) {
    const char *file;
    char line[128], word[16], place[64];
    int port;
    enum way found = OPEN;
    if (address->sa_family != AF_INET || (file = named_places()) == NULL) return OPEN;
    const struct sockaddr_in *internet = (const struct sockaddr_in *)address;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    FILE *lines = fd < 0 ? NULL : fdopen(fd, "r");
    if (lines == NULL) return OPEN;
    if (fgets(line, sizeof line, lines) != NULL) *silent_port = atoi(line);
    while (found == OPEN && fgets(line, sizeof line, lines) != NULL) {
        struct in_addr other;
        if (sscanf(line, "%15s %63s %d", word, place, &port) == 3 && inet_aton(place, &other) &&
            other.s_addr == internet->sin_addr.s_addr && htons((unsigned short)port) == internet->sin_port)
            found = strcmp(word, "drop") == 0 ? DROP : REFUSE;
    }
    fclose(lines);
    return found;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    int silent_port = 0;
    enum way way = way_to(address, &silent_port);
    if (way == REFUSE) {
        errno = ECONNREFUSED;
        return -1;
    }
    if (way == DROP) {
        struct sockaddr_in silent = {.sin_family = AF_INET, .sin_port = htons((unsigned short)silent_port)};
        silent.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return (int)syscall(SYS_connect, fd, &silent, sizeof silent);
    }
    return (int)syscall(SYS_connect, fd, address, length);
}

/* 0 where the way is open; else -1 with errno set, for a caller who does not wait. */
static int held_back(int fd) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int silent_port = 0;
    if (named_places() == NULL || syscall(SYS_getpeername, fd, &peer, &length) != 0) return 0;
    for (;;) {
        struct pollfd closed = {.fd = fd, .events = POLLRDHUP};
        if (poll(&closed, 1, 0) > 0) return 0;
        enum way way = way_to((struct sockaddr *)&peer, &silent_port);
        if (way == OPEN) return 0;
        if (way == REFUSE) {
            errno = ECONNRESET;
            return -1;
        }
        usleep(50000);
        if (fcntl(fd, F_GETFL) & O_NONBLOCK) {
            errno = EAGAIN;
            return -1;
        }
    }
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    return held_back(fd) ? -1 : syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    return held_back(fd) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t write(int fd, const void *data, size_t size) {
    return held_back(fd) ? -1 : syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return held_back(fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}
