/* A network that leads to some places no more while a file names them: for processes started with it in LD_PRELOAD.

   Each line of the file is "drop ADDRESS PORT" or "refuse ADDRESS PORT". What is dropped, the kernel drops: a socket
   filter that lets nothing in is put on each connection that goes there, so that it is a connection to that place that
   nobody answers, and what is sent is sent again and again. When the file is gone
   it is taken off, and the connection ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_SOCKETS 4096

enum way { OPEN, DROP, REFUSE };

static unsigned char severed[MOST_SOCKETS];
static volatile pid_t watching;

static const char *named_places(void) {
    static const char *file;
    if (file == NULL) file = getenv("SEVERED_NETWORK_FILE");
    return file != NULL && syscall(SYS_access, file, F_OK) == 0 ? file : NULL;
}

static enum way way_to(const struct sockaddr *address) {
    const char *file;
    char line[128], word[16], place[64];
    int port;
    enum way found = OPEN;
    if (address->sa_family != AF_INET || (file = named_places()) == NULL) return OPEN;
    const struct sockaddr_in *internet = (const struct sockaddr_in *)address;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    FILE *lines = fd < 0 ? NULL : fdopen(fd, "r");
    if (lines == NULL) return OPEN;
    while (found == OPEN && fgets(line, sizeof line, lines) != NULL) {
        struct in_addr other;
        if (sscanf(line, "%15s %63s %d", word, place, &port) == 3 && inet_aton(place, &other) &&
            other.s_addr == internet->sin_addr.s_addr && htons((unsigned short)port) == internet->sin_port)
            found = strcmp(word, "drop") == 0 ? DROP : REFUSE;
    }
    fclose(lines);
    return found;
}

/* Waits in each process that has severed sockets until the file is gone, and lets their packets in again. */
static void *watch(void *unused) {
    (void)unused;
    while (named_places() != NULL) usleep(100000);
    watching = 0;
    for (int fd = 0; fd < MOST_SOCKETS; fd++)
        if (severed[fd]) {
            severed[fd] = 0;
            /* Else what was held back would be sent again only when the kernel next tries, up to a minute later. */
            if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)) == 0) shutdown(fd, SHUT_RDWR);
        }
    return NULL;
}

static void sever(int fd) {
    struct sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog filter = {1, &nothing};
    if (fd < 0 || fd >= MOST_SOCKETS || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) return;
    severed[fd] = 1;
    if (watching != getpid()) {
        pthread_t thread;
        watching = getpid();
        if (pthread_create(&thread, NULL, watch, NULL) == 0) pthread_detach(thread);
    }
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    enum way way = way_to(address);
    if (way == REFUSE) {
        errno = ECONNREFUSED;
        return -1;
    }
    if (way == DROP) sever(fd);
    return (int)syscall(SYS_connect, fd, address, length);
}

/* 0 where what is sent may go; else -1 with errno set. */
static int held_back(int fd) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (named_places() == NULL || syscall(SYS_getpeername, fd, &peer, &length) != 0) return 0;
    enum way way = way_to((struct sockaddr *)&peer);
    if (way == REFUSE) {
        errno = ECONNRESET;
        return -1;
    }
    if (way == DROP) sever(fd);
    return 0;
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
