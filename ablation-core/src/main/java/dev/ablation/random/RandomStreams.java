package dev.ablation.random;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Streams of random numbers, each derived from a seed, a purpose and an index. Streams that differ
 * in any of the three are independent for all practical purposes. The same three always give the
 * same stream, regardless of what was drawn before and of thread, device or engine.
 *
 * <p>SHA-256 hashes the three; the first 64 bits of the hash seed the generator L64X128MixRandom
 * (Steele and Vigna 2021, doi 10.1145/3485525). Normal numbers come from the Box-Muller transform,
 * computed with {@link StrictMath} so that every platform gives the same bits.
 *
 * {@snippet class="dev.ablation.Snippets" region="random"}
 */
public final class RandomStreams {
  private static final RandomGeneratorFactory<RandomGenerator> GENERATORS =
      RandomGeneratorFactory.of("L64X128MixRandom");

  private RandomStreams() {}

  /**
   * Returns a new generator at the start of the given stream.
   *
   * @param seed the seed of the run, image or other whole that the stream belongs to
   * @param purpose what the numbers are for, such as {@code "timesteps"}
   * @param index which stream of that purpose, such as the number of the training step
   * @return a generator that is not shared with other callers; not thread-safe
   */
  public static RandomGenerator stream(long seed, String purpose, long index) {
    // Not from all bytes of the hash: Java's generators lose most of a byte array's entropy.
    return GENERATORS.create(seed(seed, purpose, index));
  }

  /**
   * Derives a seed for a part of the program that derives streams of its own.
   *
   * @param seed the seed of the run, image or other whole that the part belongs to
   * @param purpose what the new seed is for
   * @param index which seed of that purpose
   * @return the derived seed
   */
  public static long seed(long seed, String purpose, long index) {
    Preconditions.checkArgument(!purpose.isBlank(), "purpose must not be blank");
    byte[] name = purpose.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(2 * Long.BYTES + name.length);
    bytes.putLong(seed).putLong(index).put(name);
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.array());
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /**
   * Draws standard normal numbers into an array.
   *
   * @param manager owner of the result
   * @param shape the result's shape, at most 2^31 - 1 numbers
   * @param random source of the numbers; advances by two draws for each pair of numbers, the last
   *     pair included if only half of it is used
   * @return a float32 array on the manager's device, filled in row-major order
   */
  public static NDArray gaussian(NDManager manager, Shape shape, RandomGenerator random) {
    return manager.create(gaussian(Math.toIntExact(shape.size()), random), shape);
  }

  /**
   * Draws the same standard normal numbers as {@link #gaussian(NDManager, Shape, RandomGenerator)}.
   *
   * @param count how many numbers, not negative
   * @param random source of the numbers
   * @return the numbers in the order in which they were drawn
   */
  public static float[] gaussian(int count, RandomGenerator random) {
    Preconditions.checkArgument(count >= 0, "count must not be negative, was %s", count);
    float[] values = new float[count];
    for (int i = 0; i < values.length; i += 2) {
      // 1 - u is in (0, 1], so its logarithm is finite.
      double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - uniform(random)));
      double angle = 2 * Math.PI * uniform(random);
      values[i] = (float) (radius * StrictMath.cos(angle));
      if (i + 1 < values.length) {
        values[i + 1] = (float) (radius * StrictMath.sin(angle));
      }
    }
    return values;
  }

  private static double uniform(RandomGenerator random) {
    return (random.nextLong() >>> 11) * 0x1p-53;
  }
}
