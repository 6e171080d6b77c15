package dev.ablation.augment;

import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Rectangles and ellipses of random size and place inside the image. */
record ShapeSampling(double whole) implements MaskSampling {

  ShapeSampling {
    Preconditions.checkArgument(whole >= 0 && whole <= 1, "whole must be in [0, 1], was %s", whole);
  }

  @Override
  public boolean[] draw(int height, int width, RandomGenerator random) {
    Preconditions.checkArgument(
        height > 0 && width > 0, "size must be positive, was %s x %s", height, width);
    boolean[] mask = new boolean[height * width];
    if (random.nextDouble() < whole) {
      Arrays.fill(mask, true);
      return mask;
    }
    boolean ellipse = random.nextBoolean();
    int rows = 1 + random.nextInt(height);
    int columns = 1 + random.nextInt(width);
    int top = random.nextInt(height - rows + 1);
    int left = random.nextInt(width - columns + 1);
    for (int y = 0; y < rows; y++) {
      for (int x = 0; x < columns; x++) {
        double down = (2 * y + 1.0) / rows - 1;
        double right = (2 * x + 1.0) / columns - 1;
        mask[(top + y) * width + left + x] = !ellipse || down * down + right * right <= 1;
      }
    }
    return mask;
  }

  @Override
  public String name() {
    return "shapes(whole=%s)".formatted(whole);
  }
}
