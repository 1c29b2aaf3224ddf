package dev.baton;

import java.util.List;
import java.util.Map;

/**
 * The generation that started this one.
 *
 * @param pid its process id
 * @param generation its number
 * @param arguments its command line, so that a successor can see what has changed
 * @param environment its environment
 */
public record Predecessor(long pid, int generation, List<String> arguments, Map<String, String> environment) {}
