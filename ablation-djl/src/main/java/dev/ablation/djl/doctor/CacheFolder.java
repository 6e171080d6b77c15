package dev.ablation.djl.doctor;

import java.nio.file.Path;
import java.util.Objects;

/**
 * The folder that DJL unpacks native libraries into.
 *
 * @param path the folder
 * @param setBy the setting that chose it, such as {@code ENGINE_CACHE_DIR}; {@code user.home} by
 *     default
 * @param writable whether it exists and can be written, or can be made
 * @param unpacked whether the library is there already
 * @param freeBytes free space; -1 if unknown
 */
public record CacheFolder(
    Path path, String setBy, boolean writable, boolean unpacked, long freeBytes) {
  /** Checks for null. */
  public CacheFolder {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(setBy, "setBy");
  }
}
