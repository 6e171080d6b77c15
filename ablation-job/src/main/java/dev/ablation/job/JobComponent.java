package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A component of a model that comes from elsewhere.
 *
 * @param name of the component, such as {@code vae} or {@code tokenizer}
 * @param path its folder, or a file of a network
 */
public record JobComponent(
    @Described(value = "Name of the component, such as `vae` or `tokenizer`.", required = true)
        String name,
    @Described(value = "Its folder, or a file of a network.", required = true) Path path) {

  /** Checks that both are given. */
  public JobComponent {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(path, "path");
  }
}
