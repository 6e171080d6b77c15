package dev.ablation.djl.load;

/** A family of models that can be told from the names and shapes of the tensors of a file. */
public enum ModelFamily {
  /** Stable Diffusion 1.x. */
  STABLE_DIFFUSION_1("Stable Diffusion 1.x"),
  /** Stable Diffusion 2.x. */
  STABLE_DIFFUSION_2("Stable Diffusion 2.x"),
  /** Stable Diffusion XL, the base model and those fine-tuned from it. */
  STABLE_DIFFUSION_XL("Stable Diffusion XL"),
  /** The refiner of Stable Diffusion XL, which this library does not open. */
  STABLE_DIFFUSION_XL_REFINER("the refiner of Stable Diffusion XL"),
  /** Stable Diffusion 3. */
  STABLE_DIFFUSION_3("Stable Diffusion 3"),
  /** Stable Diffusion 3.5, medium and large. */
  STABLE_DIFFUSION_3_5("Stable Diffusion 3.5"),
  /** FLUX.1 dev, which was distilled with guidance. */
  FLUX_1_DEV("FLUX.1 dev"),
  /** FLUX.1 schnell. */
  FLUX_1_SCHNELL("FLUX.1 schnell");

  private final String title;

  ModelFamily(String title) {
    this.title = title;
  }

  /** {@return the name that people know it by} */
  public String title() {
    return title;
  }

  /** {@return whether it is trained by flow matching} */
  public boolean isFlow() {
    return switch (this) {
      case STABLE_DIFFUSION_1,
          STABLE_DIFFUSION_2,
          STABLE_DIFFUSION_XL,
          STABLE_DIFFUSION_XL_REFINER ->
          false;
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5, FLUX_1_DEV, FLUX_1_SCHNELL -> true;
    };
  }
}
