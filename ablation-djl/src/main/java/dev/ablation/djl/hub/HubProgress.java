package dev.ablation.djl.hub;

import java.util.Objects;

/**
 * How far a download is.
 *
 * @param file the file that is fetched, as the repository names it
 * @param done bytes of all files that are here, those of an interrupted download included
 * @param total bytes of all files that have to be fetched; files that the cache holds do not count
 */
public record HubProgress(String file, long done, long total) {
  /** Checks that the file is named. */
  public HubProgress {
    Objects.requireNonNull(file, "file");
  }

  /** {@return the share of all bytes that is here, from 0 to 1} */
  public double fraction() {
    return total == 0 ? 1 : (double) done / total;
  }
}
