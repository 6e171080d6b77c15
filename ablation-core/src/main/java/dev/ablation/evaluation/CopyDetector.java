package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.evaluate.CopyDetection;
import dev.ablation.evaluate.CopyScores;
import dev.ablation.evaluate.ExtractorInfo;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;

/** Finds copies of memorised pictures. */
record CopyDetector(CopyDetection detection, List<BufferedImage> originals)
    implements ConceptDetector {
  CopyDetector {
    Objects.requireNonNull(detection, "detection");
    originals = List.copyOf(originals);
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
  }

  @Override
  public String name() {
    return "copies of %d originals, cosine above %s"
        .formatted(originals.size(), detection.threshold());
  }

  @Override
  public ExtractorInfo extractor() {
    return detection.extractor().info();
  }

  @Override
  public double[] shows(List<BufferedImage> pictures) {
    double[] copies = new double[pictures.size()];
    if (!pictures.isEmpty()) {
      CopyScores scores = detection.score(pictures, originals);
      for (int i = 0; i < copies.length; i++) {
        copies[i] = scores.isCopy(i) ? 1 : 0;
      }
    }
    return copies;
  }
}
