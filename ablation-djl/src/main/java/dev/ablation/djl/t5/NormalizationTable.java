package dev.ablation.djl.t5;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/**
 * The compiled table of character normalization of SentencePiece: the length of a double-array trie
 * in bytes, the trie (Darts-clone, 32 bits a unit, little-endian), and the replacements as UTF-8,
 * each ended by a zero.
 *
 * <p>The native library follows the trie without looking at its bounds and ends the process outside
 * of them. So every step that a text could make is made here first.
 */
final class NormalizationTable {
  private static final int LABELS = 256;
  private static final int LEAF = 1 << 8;
  private static final int LABEL = 1 << 31 | 0xff;
  private static final int VALUE = Integer.MAX_VALUE;

  private final int[] units;
  private final byte[] replacements;

  private NormalizationTable(int[] units, byte[] replacements) {
    this.units = units;
    this.replacements = replacements;
  }

  /**
   * Checks a table.
   *
   * @param table its bytes
   * @throws IllegalArgumentException if it is damaged
   */
  static void check(byte[] table) {
    ByteBuffer in = ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
    long bytes = in.remaining() < Integer.BYTES ? -1 : Integer.toUnsignedLong(in.getInt());
    if (bytes < Integer.BYTES || bytes > in.remaining() || bytes % Integer.BYTES != 0) {
      throw damaged("its trie has no length");
    }
    int[] units = new int[(int) bytes / Integer.BYTES];
    in.asIntBuffer().get(units);
    byte[] replacements = new byte[in.remaining() - (int) bytes];
    in.position(in.position() + (int) bytes).get(replacements);
    new NormalizationTable(units, replacements).follow();
  }

  private void follow() {
    checkText();
    BitSet seen = new BitSet(units.length);
    Deque<Integer> open = new ArrayDeque<>();
    reach(offset(units[0]), seen, open);
    while (!open.isEmpty()) {
      int node = open.pop();
      for (int label = 1; label < LABELS; label++) {
        int at = node ^ label;
        int unit = unit(at);
        if ((unit & LABEL) == label) {
          int next = at ^ offset(unit);
          if ((unit & LEAF) != 0) {
            checkValue(unit(next) & VALUE);
          }
          reach(next, seen, open);
        }
      }
    }
  }

  private void reach(int node, BitSet seen, Deque<Integer> open) {
    unit(node);
    if (!seen.get(node)) {
      seen.set(node);
      open.push(node);
    }
  }

  private int unit(int at) {
    if (at < 0 || at >= units.length) {
      throw damaged("its trie leads to unit %d of %d".formatted(at, units.length));
    }
    return units[at];
  }

  private static int offset(int unit) {
    return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
  }

  /** A replacement begins and ends between characters, and is there. */
  private void checkValue(int value) {
    if (value > replacements.length
        || (value < replacements.length && (replacements[value] & 0xc0) == 0x80)) {
      throw damaged("it has no replacement at byte %d of %d".formatted(value, replacements.length));
    }
  }

  private void checkText() {
    try {
      CharBuffer unused = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(replacements));
    } catch (CharacterCodingException e) {
      throw damaged("its replacements are not UTF-8");
    }
  }

  private static IllegalArgumentException damaged(String how) {
    return new IllegalArgumentException("the table of character normalization is damaged: " + how);
  }
}
