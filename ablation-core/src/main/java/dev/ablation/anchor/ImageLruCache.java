package dev.ablation.anchor;

import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Caches the decoded images of a source in up to an eighth of Java's maximum heap. Evicts the least
 * recently used image.
 */
final class ImageLruCache {
  private static final int BYTES_A_PIXEL = 4;

  private final AnchorSource source;
  private final LatentCodec codec;
  private final long capacity;
  private final Map<Integer, BufferedImage> kept = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  ImageLruCache(AnchorSource source, LatentCodec codec) {
    this(source, codec, Runtime.getRuntime().maxMemory() / 8);
  }

  ImageLruCache(AnchorSource source, LatentCodec codec, long capacity) {
    this.source = source;
    this.codec = codec;
    this.capacity = capacity;
  }

  BufferedImage image(int row) {
    BufferedImage known = kept.get(row);
    if (known != null) {
      return known;
    }
    BufferedImage image = source.image(row, codec);
    kept.put(row, image);
    bytes += bytes(image);
    Iterator<BufferedImage> oldest = kept.values().iterator();
    while (bytes > capacity && kept.size() > 1) {
      bytes -= bytes(oldest.next());
      oldest.remove();
    }
    return image;
  }

  private static long bytes(BufferedImage image) {
    return (long) BYTES_A_PIXEL * image.getWidth() * image.getHeight();
  }

  int size() {
    return kept.size();
  }
}
