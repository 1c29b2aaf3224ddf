package dev.baton.launch;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.util.regex.Pattern;

/** What the system said, without the path and the Java around it: the JDK hides it in types and in prefixes. */
final class Reason {
    private static final Pattern ERROR_IN_LAUNCH = Pattern.compile("error: \\d+ \\((.*)\\)");

    private Reason() {}

    static String of(IOException e) {
        return switch (e) {
            case NoSuchFileException _ -> "no such file or directory";
            case AccessDeniedException _ -> "permission denied";
            case FileAlreadyExistsException _ -> "it exists already and is something else";
            case NotDirectoryException _ -> "not a directory";
            case FileSystemLoopException _ -> "too many symbolic links";
            case NotLinkException _ -> "not a symbolic link";
            case FileSystemException other when other.getReason() != null -> lowerFirst(other.getReason());
            default -> {
                var message = e.getMessage() == null ? e.toString() : e.getMessage();
                var error = ERROR_IN_LAUNCH.matcher(message);
                yield lowerFirst(error.find() ? error.group(1) : message);
            }
        };
    }

    private static String lowerFirst(String text) {
        return text.isEmpty() ? text : Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
