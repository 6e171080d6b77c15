package dev.ablation.djl.internal.pipeline;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** The components of a pipeline that were read. */
public final class Components {
  private final Map<Component<?>, Object> values = new LinkedHashMap<>();

  Components() {}

  <T> void read(Component<T> component, CheckpointSource source, String className)
      throws IOException {
    values.put(component, component.reader().read(source, className));
  }

  /**
   * Returns a component.
   *
   * @param component of the pipeline's list
   * @param <T> what it is
   * @return what its reader read
   */
  @SuppressWarnings("unchecked") // read() put it in
  public <T> T get(Component<T> component) {
    return (T) Objects.requireNonNull(values.get(component), component.name());
  }

  /**
   * Returns a component that may be absent.
   *
   * @param component of the pipeline's list
   * @param <T> what it is
   * @return what its reader read; empty if it is absent or was left out
   */
  @SuppressWarnings("unchecked") // read() put it in
  public <T> Optional<T> find(Component<T> component) {
    return Optional.ofNullable((T) values.get(component));
  }

  /** The components that were read, in the order of the pipeline's list. */
  List<Component<?>> present() {
    return List.copyOf(values.keySet());
  }

  /** {@return the networks, in the order of the pipeline's list} */
  public List<Network<?, ?>> networks() {
    return values.values().stream()
        .filter(Network.class::isInstance)
        .<Network<?, ?>>map(value -> (Network<?, ?>) value)
        .toList();
  }
}
