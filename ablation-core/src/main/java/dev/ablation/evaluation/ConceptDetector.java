package dev.ablation.evaluation;

import dev.ablation.evaluate.ExtractorInfo;
import java.awt.image.BufferedImage;
import java.util.List;

/** Tells which pictures show a concept: what "recovered" and "unlearned" are counted by. */
public interface ConceptDetector {

  /** {@return a name that tells everything that shapes the answers; results keep it} */
  String name();

  /** {@return what the pictures are looked at with} */
  ExtractorInfo extractor();

  /**
   * Looks at pictures.
   *
   * @param pictures any number, RGB
   * @return for each picture 1 if it shows the concept, else 0
   */
  double[] shows(List<BufferedImage> pictures);
}
