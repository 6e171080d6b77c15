package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The model that a job works on, and how it is opened.
 *
 * @param location {@code embedded} for the emoji model; a path of a checkpoint folder or a single
 *     file; or {@code owner/name@revision} of a hub (write {@code ./} in front of a path of that
 *     form)
 * @param sha256 hash of the base weights that the job is for, as a report and a delta state it; a
 *     model with others is refused. Default: any
 * @param device {@code cpu}, {@code gpu}, {@code gpu0} ... Default: {@code cpu} for the emoji
 *     model, else the first GPU or the CPU
 * @param threads threads on the CPU, 0 for one per core; those of the emoji model share the images
 *     of a batch. Default: 0
 * @param weightDtype how weights are held: {@code float32} or {@code as-stored}. Default: {@code
 *     float32}
 * @param precision matrix products: {@code float32} or {@code bf16-matmul}. Default: {@code
 *     float32}
 * @param components that come from elsewhere, such as the tokenizer of a single file
 */
@Shorthand("location")
@CheckReturnValue
public record JobModel(
    @Described(
            value =
                "`embedded` for the emoji model; a path of a checkpoint folder or a single file; or `owner/name@revision` or `owner/name/FILE.safetensors@revision` of the Hugging Face Hub (write `./` in front of a path of that form).",
            required = true)
        String location,
    @Described(
            "Hash of the base weights that the job is for, as a report and a delta state it; a model with others is refused. Default: any.")
        @Nullable String sha256,
    @Described(
            "`cpu`, `gpu`, `gpu0` ... Default: `cpu` for the emoji model, else the first GPU or the CPU.")
        @Nullable String device,
    @Described(
            "Threads on the CPU, 0 for one per core; those of the emoji model share the images of a batch. Default: 0.")
        @Nullable Integer threads,
    @Described(
            value = "How weights are held: `float32` or `as-stored`. Default: `float32`.",
            oneOf = {"float32", "as-stored"})
        @Nullable String weightDtype,
    @Described(
            value = "Matrix products: `float32` or `bf16-matmul`. Default: `float32`.",
            oneOf = {"float32", "bf16-matmul"})
        @Nullable String precision,
    @Described("Components that come from elsewhere, such as the tokenizer of a single file.")
        List<JobComponent> components) {

  /** Copies and checks the values. */
  public JobModel {
    components = components == null ? List.of() : List.copyOf(components);
    if (sha256 != null && !sha256.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "sha256 must be 64 hexadecimal digits in lower case, was '%s'".formatted(sha256));
    }
    if (threads != null && threads < 0) {
      throw new IllegalArgumentException("threads must not be negative, was " + threads);
    }
  }

  /** The location of the emoji model that the library contains. */
  public static final String EMBEDDED = "embedded";

  /**
   * Names a model, to be opened with the defaults.
   *
   * @param location {@code embedded}, a path, or {@code owner/name@revision}
   * @return the model
   */
  public static JobModel at(String location) {
    return new JobModel(location, null, null, null, null, null, List.of());
  }

  /**
   * Names a model as a user's argument does, to be opened with the defaults.
   *
   * @param argument {@code embedded}, a path, or {@code owner/name} of the Hugging Face Hub, with a
   *     file and a revision or without. What exists as a file or folder is never looked up there
   * @return the model
   */
  public static JobModel named(String argument) {
    return at(HubLocation.ofArgument(argument));
  }

  /** {@return the emoji model that the library contains} */
  public static JobModel embedded() {
    return at(EMBEDDED);
  }

  /** {@return whether it is the emoji model that the library contains} */
  public boolean isEmbedded() {
    return location.equals(EMBEDDED);
  }

  /** {@return whether the location is a name on a hub} */
  public boolean isHubName() {
    return HubLocation.of(location).filter(hub -> hub.revision() != null).isPresent();
  }

  /**
   * Finds the same kind of model at another place.
   *
   * @param other as {@link #location}
   * @return the model there, opened in the same way, with any hash
   */
  public JobModel movedTo(String other) {
    return new JobModel(other, null, device, threads, weightDtype, precision, components);
  }

  JobModel at(Path path) {
    return new JobModel(
        path.toString(), sha256, device, threads, weightDtype, precision, components);
  }
}
