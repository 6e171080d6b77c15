package dev.ablation.internal;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A hash of all settings that affect a cached value, and the names of the cache's files. */
public final class CacheKey {
  private static final int READABLE = 24;
  private static final int DIGITS = 32;

  private final Hasher hasher = Hashing.sha256().newHasher();
  private @Nullable String hash;

  /**
   * Starts a key.
   *
   * @param kind kind of the cached value, with a version: {@code "anchor-latents/2"}
   */
  public CacheKey(String kind) {
    put(kind);
  }

  /**
   * Adds a text.
   *
   * @param text any; its length is hashed too, so adjacent texts stay distinct
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
   * Adds texts, one after the other.
   *
   * @param texts any number of them
   * @return this
   */
  public CacheKey put(Iterable<String> texts) {
    texts.forEach(this::put);
    return this;
  }

  /** {@return 64 hexadecimal digits; nothing can be added afterwards} */
  public String sha256() {
    if (hash == null) {
      hash = hasher.hash().toString();
    }
    return hash;
  }

  /**
   * Returns a file name that is readable and unique to this key.
   *
   * @param text its first letters and digits start the name
   * @param detail appended unchanged; may be empty
   * @param ending such as {@code ".json"}
   * @return such as {@code "a-painting-of-a-harbour-seed-7-0123456789abcdef0123456789abcdef.png"}
   */
  public String fileName(String text, String detail, String ending) {
    String readable = text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return readable.substring(0, Math.min(READABLE, readable.length()))
        + detail
        + "-"
        + sha256().substring(0, DIGITS)
        + ending;
  }
}
