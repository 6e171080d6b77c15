package dev.ablation.djl.doctor;

import java.util.List;
import java.util.Objects;

/**
 * Where DJL takes libtorch from.
 *
 * @param kind of place
 * @param location the folder, the jar or the address
 * @param version of libtorch; empty if only loading tells
 * @param flavour of libtorch, such as {@code cpu} or {@code cu128}
 * @param flavours for which the class path has JNI bindings for this system
 */
public record NativeSource(
    Kind kind, String location, String version, String flavour, List<String> flavours) {
  /** A kind of place. */
  public enum Kind {
    /** The folder that {@code PYTORCH_LIBRARY_PATH} names. */
    FOLDER,
    /** A jar on the class path. */
    CLASS_PATH,
    /** An earlier download in the cache folder. */
    CACHE,
    /** The internet. */
    DOWNLOAD,
    /** Nowhere: nothing is here, and downloads are off. */
    NONE
  }

  /** Copies the list. */
  public NativeSource {
    Objects.requireNonNull(kind, "kind");
    flavours = List.copyOf(flavours);
  }
}
