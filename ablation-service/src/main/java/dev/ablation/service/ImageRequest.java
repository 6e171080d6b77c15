package dev.ablation.service;

import dev.ablation.sample.SamplingSettings;
import dev.ablation.serve.DrawRequest;
import dev.ablation.serve.ModelPool;
import java.util.Collections;
import org.jspecify.annotations.Nullable;

/**
 * The body of a request for images.
 *
 * @param prompt what to draw
 * @param count images, from 1 to 8; 1 if absent
 * @param seed of the first image; 0 if absent
 * @param variant of the model; {@code base} if absent
 * @param steps of sampling, from 1 to 200; the model's default if absent
 * @param guidanceScale of classifier-free guidance, from 0 to 50; the model's default if absent
 */
record ImageRequest(
    String prompt,
    @Nullable Integer count,
    @Nullable Long seed,
    @Nullable String variant,
    @Nullable Integer steps,
    @Nullable Double guidanceScale) {
  private static final int MOST_IMAGES = 8;
  private static final int MOST_STEPS = 200;
  private static final double STRONGEST = 50;
  private static final int LONGEST_PROMPT = 2000;

  ImageRequest {
    if (prompt == null) {
      throw new IllegalArgumentException("prompt must be given");
    }
    if (prompt.length() > LONGEST_PROMPT) {
      throw new IllegalArgumentException(
          "prompt must have at most %d characters, had %d"
              .formatted(LONGEST_PROMPT, prompt.length()));
    }
    check("count", count, 1, MOST_IMAGES);
    check("steps", steps, 1, MOST_STEPS);
    check("guidanceScale", guidanceScale, 0, STRONGEST);
  }

  private static void check(String name, @Nullable Number value, double least, double most) {
    if (value != null && !(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw new IllegalArgumentException(
          "%s must be from %s to %s, was %s".formatted(name, plain(least), plain(most), value));
    }
  }

  private static String plain(double number) {
    return Long.toString(Math.round(number));
  }

  long firstSeed() {
    return seed == null ? 0 : seed;
  }

  String variantName() {
    return variant == null ? ModelPool.BASE : variant;
  }

  DrawRequest toDraw(SamplingSettings defaults) {
    SamplingSettings settings = defaults;
    if (steps != null) {
      settings = settings.steps(steps);
    }
    if (guidanceScale != null) {
      settings = settings.guidanceScale(guidanceScale);
    }
    return DrawRequest.of(Collections.nCopies(count == null ? 1 : count, prompt), firstSeed())
        .variant(variantName())
        .settings(settings);
  }
}
