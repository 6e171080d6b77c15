package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How anchor images are made.
 *
 * @param count how many images there are
 * @param sampling how they are drawn
 * @param augmentation how training changes them: {@code none}, {@code diffusers} or {@code paper}.
 *     Default: the preset's
 * @param cache folder that keeps drawn images for later runs. Default: none
 */
@Shorthand("count")
@CheckReturnValue
public record JobImages(
    @Described(value = "How many images there are.", positive = true) @Nullable Integer count,
    @Described("How they are drawn.") @Nullable JobSampling sampling,
    @Described(
            value =
                "How training changes them: `none`, `diffusers` or `paper`. Default: the preset's.",
            oneOf = {"none", "diffusers", "paper"})
        @Nullable String augmentation,
    @Described("Folder that keeps drawn images for later runs. Default: none.")
        @Nullable Path cache) {

  /**
   * Chooses how many images there are.
   *
   * @param count positive
   * @return the images
   */
  public static JobImages of(int count) {
    return new JobImages(count, null, null, null);
  }
}
