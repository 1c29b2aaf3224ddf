/*
 * The limit of what PassingBenchmark measures: descriptors over a Unix socket, passed by nothing but sendmsg(2) and recvmsg(2),
 * and closed. Prints microseconds for each batch.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 200, BYTES = 64, SECONDS = 2 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void pass(const int ends[2], const int *descriptors, int count) {
    char bytes[BYTES] = {1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MOST)];
    } control;
    struct iovec vector = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(&control.header), descriptors, sizeof(int) * count);
    if (sendmsg(ends[0], &message, MSG_NOSIGNAL) != sizeof bytes)
        fail("sendmsg");
    message.msg_controllen = sizeof control;
    if (recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC) != sizeof bytes)
        fail("recvmsg");
    int received[MOST];
    memcpy(received, CMSG_DATA(&control.header), sizeof(int) * count);
    for (int i = 0; i < count; i++)
        close(received[i]);
}

int main(void) {
    static const int batches[] = {1, 16, 200};
    int ends[2];
    int pipes[2];
    int descriptors[MOST];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) || pipe(pipes))
        fail("socketpair");
    for (int i = 0; i < MOST; i++)
        descriptors[i] = pipes[0];
    for (int b = 0; b < 3; b++) {
        long passed = 0;
        double begin = now();
        double end;
        do {
            for (int i = 0; i < 100; i++, passed++)
                pass(ends, descriptors, batches[b]);
        } while ((end = now()) - begin < SECONDS);
        printf("C, sendmsg and recvmsg  batch %3d  %8.3f us\n", batches[b], (end - begin) * 1e6 / passed);
    }
    return 0;
}
