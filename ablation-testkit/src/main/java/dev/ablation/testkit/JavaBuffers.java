package dev.ablation.testkit;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Java's buffers outside of the heap, where DJL puts arrays that are made from Java values. */
final class JavaBuffers {
  private static final int JUNK = 0x7f7f7f7f;

  private JavaBuffers() {}

  /**
   * Collects garbage and fills the memory of buffers that were freed with junk, so that whoever
   * still reads it computes something else.
   */
  @SuppressWarnings("ModifiedButNotUsed") // the list keeps the buffers from being freed
  static void overwriteFreed() {
    System.gc();
    try {
      Thread.sleep(20); // buffers are freed by another thread
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    List<ByteBuffer> junk = new ArrayList<>();
    for (int size = Integer.BYTES; size <= 1 << 14; size *= 2) {
      for (int i = 0; i < 64; i++) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(size);
        while (buffer.hasRemaining()) {
          buffer.putInt(JUNK);
        }
        junk.add(buffer);
      }
    }
  }
}
