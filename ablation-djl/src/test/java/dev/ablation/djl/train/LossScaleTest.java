package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.model.TrainingSession.Gradients;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The scale of a loss whose gradients overflow in float16. */
class LossScaleTest {
  private static final double FIRST_SCALE = 65_536;

  /** Divides the loss, as the number of values in a mean does: the scale itself overflows. */
  private static final double WIDTH = 64;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private NDArray weight;
  private DjlTrainingSession session;
  private int evaluations;
  private boolean inUse;

  @BeforeEach
  void open() {
    weight = manager.create(new float[] {1, 2});
    weight.setRequiresGradient(true);
    Trainable one =
        new Trainable() {
          @Override
          public List<String> names() {
            return List.of("weight");
          }

          @Override
          public NDList arrays() {
            return new NDList(weight);
          }

          @Override
          public void use(boolean trained) {
            inUse = trained;
          }
        };
    session = new DjlTrainingSession(manager.newSubManager(), one, FIRST_SCALE, () -> {});
  }

  @AfterEach
  void close() {
    session.close();
    manager.close();
  }

  /** Its gradient is the slope, which passes through float16 multiplied by the scale. */
  private Supplier<NDArray> loss(double slope) {
    Kernel sum =
        Kernel.of(
            "(w): return torch.mul(torch.sum(torch.to(torch.mul(torch.to(w, 5), %s), 6)), %s)"
                .formatted(WIDTH * slope, 1 / WIDTH));
    return () -> {
      evaluations++;
      return sum.call(weight);
    };
  }

  private Gradients gradients(double slope) {
    evaluations = 0;
    return session.gradients(loss(slope), manager);
  }

  @Test
  void isHalvedUntilNothingOverflowsAndStaysSo() {
    assertThat(inUse).isTrue();
    assertThat(gradients(0.5).values().get(0).toFloatArray()).containsExactly(0.5f, 0.5f);
    assertThat(evaluations).isEqualTo(1); // 32,768 is a number of float16
    Gradients found = gradients(100);
    assertThat(found.values().get(0).toFloatArray()).containsExactly(100, 100);
    assertThat(found.loss()).isEqualTo(300);
    assertThat(evaluations).isEqualTo(8); // 512 x 100 is one, 1,024 x 100 is not
    gradients(100);
    assertThat(evaluations).isEqualTo(1);
  }

  @Test
  void aGradientThatIsInfiniteInAnyScaleIsGiven() {
    float[] found = gradients(1e30).values().get(0).toFloatArray();
    assertThat(found).hasSize(2);
    assertThat(Float.isFinite(found[0])).isFalse();
    assertThat(evaluations).isEqualTo(23); // from 2^16 to 2^-6
  }
}
