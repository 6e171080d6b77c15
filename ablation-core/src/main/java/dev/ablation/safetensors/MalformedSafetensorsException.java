package dev.ablation.safetensors;

import java.io.IOException;
import java.nio.file.Path;

/** A file that is not a safetensors file, or breaks a rule of the format. */
public final class MalformedSafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The rules of the format, in the order in which they are checked. */
  public enum Rule {
    /** The file is something else, such as a Python pickle. */
    NOT_SAFETENSORS("not-safetensors"),
    /** A file has at least the 8 bytes of the header's length. */
    LENGTH_PREFIX("length-prefix"),
    /** A header has at most 100,000,000 bytes. */
    HEADER_TOO_LARGE("header-too-large"),
    /** The header is within the file. */
    HEADER_LENGTH("header-length"),
    /** The header is UTF-8. */
    HEADER_UTF8("header-utf8"),
    /** The header is one strict JSON object that starts at its first byte. */
    HEADER_JSON("header-json"),
    /** No name is duplicated: of tensors, of fields, of metadata. */
    DUPLICATE_KEY("duplicate-key"),
    /** {@code __metadata__} is {@code null} or an object of strings. */
    METADATA("metadata"),
    /** An entry is an object with {@code dtype}, {@code shape} and {@code data_offsets}. */
    FIELDS("fields"),
    /** The number format is a known one. */
    DTYPE("dtype"),
    /** A shape is a list of non-negative integers. */
    SHAPE("shape"),
    /** Offsets are two non-negative integers. */
    OFFSETS("offsets"),
    /** The ranges follow each other without gap or overlap and fill the file. */
    COVERAGE("coverage"),
    /** Counts of elements and bits fit 64 bits. */
    OVERFLOW("overflow"),
    /** A tensor takes whole bytes. */
    MISALIGNED("misaligned"),
    /** A range has as many bytes as shape and format need. */
    SIZE("size");

    private final String id;

    Rule(String id) {
      this.id = id;
    }

    /** {@return the rule's short name, such as {@code header-json}} */
    public String id() {
      return id;
    }
  }

  private final transient Path path;

  /** The rule that is broken. */
  private final Rule rule;

  /** What was found. */
  private final String detail;

  MalformedSafetensorsException(Path path, Rule rule, String detail) {
    super(
        path
            + (rule == Rule.NOT_SAFETENSORS
                ? " is not a safetensors file: "
                : " is a malformed safetensors file (" + rule.id() + "): ")
            + detail);
    this.path = path;
    this.rule = rule;
    this.detail = detail;
  }

  /** {@return the file} */
  public Path path() {
    return path;
  }

  /** {@return the rule that it breaks} */
  public Rule rule() {
    return rule;
  }

  /** {@return what was found, in one sentence} */
  public String detail() {
    return detail;
  }
}
