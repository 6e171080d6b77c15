package dev.ablation.cli;

import dev.ablation.closedform.ClosedForm;
import dev.ablation.closedform.OrthogonalErasure;
import dev.ablation.closedform.Rece;
import dev.ablation.closedform.Uce;
import dev.ablation.concept.ConceptKind;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Trainer;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** How the weights are found. */
enum AblationMethod {
  /** Gradient descent, as in the paper. */
  GRADIENT(null),
  /** Least squares on whole sequences of text embeddings. */
  CLOSED_FORM(kind -> ClosedForm.sequences()),
  /** Gradient descent that begins with the closed form. */
  POLISHED(kind -> ClosedForm.sequences()),
  /** Unified concept editing. */
  UCE(kind -> ClosedForm.uce(Uce.defaults())),
  /** Reliable and efficient concept erasure; one round, as published for styles and objects. */
  RECE(kind -> ClosedForm.rece(Rece.defaults().rounds(1), Uce.defaults())),
  /** Orthogonal concept erasure. */
  ORTHOGONAL(
      kind ->
          ClosedForm.orthogonal(
              kind == ConceptKind.STYLE
                  ? OrthogonalErasure.ofStyle()
                  : OrthogonalErasure.ofInstance()));

  private final @Nullable Function<ConceptKind, ClosedForm> form;

  AblationMethod(@Nullable Function<ConceptKind, ClosedForm> form) {
    this.form = form;
  }

  /** {@return the name on the command line} */
  String optionName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** {@return whether it trains in steps} */
  boolean hasSteps() {
    return this == GRADIENT || this == POLISHED;
  }

  /** The trainer of any checkpoint. */
  Trainer trainer(ConceptKind kind, GradientTrainer gradients, List<String> preserved) {
    if (form == null) {
      return gradients;
    }
    ClosedForm closed = form.apply(kind).preserved(preserved);
    return this == POLISHED ? gradients.startingFrom(closed) : closed;
  }

  /** The way that an ablation of the embedded model goes. */
  EmojiAblation of(EmojiAblation ablation) {
    if (form == null) {
      return ablation;
    }
    return this == POLISHED
        ? ablation.polishedClosedForm()
        : ablation.closedForm(form.apply(ablation.kind()));
  }
}
