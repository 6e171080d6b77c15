package dev.ablation.djl.doctor;

import java.util.List;

/**
 * What the native libraries run on.
 *
 * @param system operating system and architecture, such as {@code linux-x86_64}
 * @param libc such as {@code glibc 2.36} or {@code musl}; empty where there is none to choose
 * @param processor name of the processor; empty if the system does not tell
 * @param processors that the JVM may use
 * @param instructionSets those that matter for speed, such as {@code avx2}; empty if the system does
 *     not tell
 * @param memoryBytes main memory, or the container's limit
 */
public record Machine(
    String system,
    String libc,
    String processor,
    int processors,
    List<String> instructionSets,
    long memoryBytes) {

  /** Copies the list. */
  public Machine {
    instructionSets = List.copyOf(instructionSets);
  }
}
