package dev.ablation.job;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a bundle says about itself, for programs: {@code evidence.json}.
 *
 * @param format {@value #FORMAT}
 * @param request that the job answers
 * @param hashes SHA-256 of base, delta, result and evaluator
 * @param library version of this library
 * @param natives SHA-256 of the native libraries, by file name
 * @param environment Java, operating system, processor, device
 * @param settings everything that determines the delta
 * @param seed of all random numbers
 * @param images drawn before and after
 * @param verdicts one for each limit of the job
 * @param accepted whether every limit is met
 * @param tolerance mean difference of pixels from 0 to 1 that images drawn in another environment
 *     may have
 * @param knownLimits what the evidence does not show, in plain words
 * @param metadata of the job
 */
record Evidence(
    String format,
    @Nullable String request,
    Hashes hashes,
    String library,
    Map<String, String> natives,
    Map<String, String> environment,
    Map<String, String> settings,
    long seed,
    List<Drawn> images,
    List<Judged> verdicts,
    boolean accepted,
    double tolerance,
    List<String> knownLimits,
    Map<String, String> metadata) {
  static final String FORMAT = "dev.ablation.evidence/1";
  static final String FILE = "evidence.json";

  /** Rounding differs between machines; images that differ by more are other images. */
  static final double TOLERANCE = 0.02;

  Evidence {
    if (!FORMAT.equals(format)) {
      throw new IllegalArgumentException("format must be %s, was %s".formatted(FORMAT, format));
    }
    Objects.requireNonNull(hashes, "hashes");
    Objects.requireNonNull(library, "library");
    // A reader leaves out what is empty.
    natives = natives == null ? Map.of() : Map.copyOf(natives);
    environment = environment == null ? Map.of() : Map.copyOf(environment);
    settings = settings == null ? Map.of() : Map.copyOf(settings);
    images = images == null ? List.of() : List.copyOf(images);
    verdicts = verdicts == null ? List.of() : List.copyOf(verdicts);
    knownLimits = knownLimits == null ? List.of() : List.copyOf(knownLimits);
    metadata = metadata == null ? Map.of() : Map.copyOf(metadata);
  }

  /**
   * What was computed with and what came out.
   *
   * @param baseName name of the base model
   * @param base its weights
   * @param delta the delta's file
   * @param result the weights that the delta changes, with it applied
   * @param evaluator weights of the evaluator
   */
  record Hashes(
      String baseName, String base, String delta, String result, @Nullable String evaluator) {
    Hashes {
      Objects.requireNonNull(baseName, "baseName");
      Objects.requireNonNull(base, "base");
      Objects.requireNonNull(delta, "delta");
      Objects.requireNonNull(result, "result");
    }
  }

  /**
   * An image of the same prompt and seed, before and after.
   *
   * @param role of the subject
   * @param subject its name
   * @param index within the subject
   * @param prompt of both
   * @param seed of both
   * @param file of the image before; the one after ends in {@code -after.png}
   */
  record Drawn(String role, String subject, int index, String prompt, long seed, String file) {
    static final String BEFORE = "-before.png";

    Drawn {
      Objects.requireNonNull(role, "role");
      Objects.requireNonNull(subject, "subject");
      Objects.requireNonNull(prompt, "prompt");
      Objects.requireNonNull(file, "file");
      Path path = Path.of(file).normalize();
      if (!file.endsWith(BEFORE) || path.isAbsolute() || path.startsWith("..")) {
        throw new IllegalArgumentException(
            "file must be in the folder and end in %s, was '%s'".formatted(BEFORE, file));
      }
    }

    String after() {
      return file.substring(0, file.length() - BEFORE.length()) + "-after.png";
    }
  }

  /**
   * A verdict.
   *
   * @param limit of the job
   * @param measured what was measured
   * @param met whether the limit is
   */
  record Judged(String limit, @Nullable Double measured, boolean met) {
    Judged {
      Objects.requireNonNull(limit, "limit");
    }
  }
}
