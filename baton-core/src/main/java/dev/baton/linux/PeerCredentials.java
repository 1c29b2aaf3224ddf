package dev.baton.linux;

/**
 * Who is at the other end of a Unix socket, as the kernel noted it when the connection was made (unix(7), SO_PEERCRED).
 *
 * @param pid its process, as this process's pid namespace counts; 0 if it cannot be seen from here. The process may have
 *     ended since
 * @param uid its effective user
 * @param gid its effective group
 */
public record PeerCredentials(int pid, int uid, int gid) {}
