/** Tests of the command line without processes. */
@org.jspecify.annotations.NullMarked
package dev.baton.cli;
