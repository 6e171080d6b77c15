package dev.ablation.internal;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import java.nio.charset.StandardCharsets;

/** A hash of everything that shapes what is kept on disk. */
public final class CacheKey {
  private final Hasher hasher = Hashing.sha256().newHasher();

  /**
   * Begins a key.
   *
   * @param kind of what is kept, with a version: {@code "anchor-latents/2"}
   */
  public CacheKey(String kind) {
    put(kind);
  }

  /**
   * Adds a text.
   *
   * @param text any; its length, too, keeps neighbouring texts apart
   * @return this
   */
  public CacheKey put(String text) {
    hasher.putInt(text.length()).putString(text, StandardCharsets.UTF_8);
    return this;
  }

  /**
   * Adds a number.
   *
   * @param number any
   * @return this
   */
  public CacheKey put(long number) {
    hasher.putLong(number);
    return this;
  }

  /**
   * Adds all of a model that its images depend on: weights, schedule, latent shape and kind of
   * device.
   *
   * @param model as it is now
   * @return this
   */
  public CacheKey put(DiffusionModel model) {
    ModelDescriptor shape = model.descriptor();
    put(model.weights().sha256());
    // The model's hash is that of its own weights; an applied delta draws other images.
    put(model.weights().boundSha256().orElse(""));
    put(model.schedule() + " " + model.predictionType());
    return put(
        "%d x %d x %d on %s"
            .formatted(
                shape.latentChannels(),
                shape.latentHeight(),
                shape.latentWidth(),
                shape.device().getDeviceType()));
  }

  /** {@return 64 hexadecimal digits; the key ends with them} */
  public String sha256() {
    return hasher.hash().toString();
  }
}
