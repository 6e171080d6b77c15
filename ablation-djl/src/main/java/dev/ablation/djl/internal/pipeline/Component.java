package dev.ablation.djl.internal.pipeline;

import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;

/**
 * One component of a pipeline.
 *
 * @param name its key in {@code model_index.json} and its folder, such as {@code "unet"}
 * @param classes the published classes that are accepted; empty if the reader decides
 * @param reader reads the component's small files; weights are read later
 * @param optional whether the pipeline can do without
 * @param <T> what is read
 */
public record Component<T>(String name, Set<String> classes, Reader<T> reader, boolean optional) {

  /** Copies the set. */
  public Component {
    classes = Set.copyOf(classes);
  }

  /**
   * Describes a component that must be there.
   *
   * @param name its key in {@code model_index.json} and its folder
   * @param classes the published classes that are accepted; empty if the reader decides
   * @param reader reads the component's small files
   */
  public Component(String name, Set<String> classes, Reader<T> reader) {
    this(name, classes, reader, false);
  }

  /** {@return the component, which the pipeline can do without} */
  public Component<T> asOptional() {
    return new Component<>(name, classes, reader, true);
  }

  /** What the second entry of the component's pair in the index must be. */
  String rule() {
    return classes.isEmpty()
        ? "a pair [library, class]"
        : "a pair [library, class] with a supported class: one of " + new TreeSet<>(classes);
  }

  /**
   * Reads a component.
   *
   * @param <T> what is read
   */
  @FunctionalInterface
  public interface Reader<T> {
    /**
     * Reads a component's small files.
     *
     * @param source where they are
     * @param className the published class that the index names
     * @return the component
     * @throws IOException if a file is missing, malformed or of a kind that is not supported
     */
    T read(CheckpointSource source, String className) throws IOException;
  }
}
