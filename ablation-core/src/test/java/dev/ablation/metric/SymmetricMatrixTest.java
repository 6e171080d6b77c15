package dev.ablation.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.ablation.random.RandomStreams;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricMatrixTest {

  private static double[][] random(int rows, int columns, long seed) {
    RandomGenerator random = RandomStreams.stream(seed, "matrix", rows);
    double[][] matrix = new double[rows][columns];
    for (double[] row : matrix) {
      Arrays.setAll(row, i -> random.nextGaussian());
    }
    return matrix;
  }

  private static double[][] gram(double[][] rows) {
    double[][] gram = new double[rows.length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int k = 0; k < rows.length; k++) {
        gram[i][k] = SymmetricMatrix.dot(rows[i], rows[k]);
      }
    }
    return gram;
  }

  private static double[][] copy(double[][] a) {
    return Arrays.stream(a).map(double[]::clone).toArray(double[][]::new);
  }

  /** Power sums of the eigenvalues are traces of powers of the matrix. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 20, 61})
  void eigenvaluesHaveTheMatrixTraces(int n) {
    double[][] half = random(n, n, 1);
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < n; k++) {
        a[i][k] = (half[i][k] + half[k][i]) / Math.sqrt(n);
      }
    }
    double[] values = SymmetricMatrix.eigenvalues(copy(a));
    double[][] square = gram(a);
    double[][] fourth = gram(square);
    assertThat(Arrays.stream(values).sum()).isCloseTo(SymmetricMatrix.trace(a), offset(1e-12 * n));
    assertThat(Arrays.stream(values).map(v -> v * v).sum())
        .isCloseTo(SymmetricMatrix.trace(square), offset(1e-11 * n));
    assertThat(Arrays.stream(values).map(v -> Math.pow(v, 3)).sum())
        .isCloseTo(cube(a, square), offset(1e-10 * n));
    assertThat(Arrays.stream(values).map(v -> Math.pow(v, 4)).sum())
        .isCloseTo(SymmetricMatrix.trace(fourth), offset(1e-10 * n));
  }

  private static double cube(double[][] a, double[][] square) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += SymmetricMatrix.dot(a[i], square[i]);
    }
    return sum;
  }

  /** The second difference's eigenvalues are known: 2 - 2 cos(pi k / (n + 1)). */
  @Test
  void eigenvaluesOfTheSecondDifference() {
    int n = 50;
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      a[i][i] = 2;
      if (i > 0) {
        a[i][i - 1] = -1;
        a[i - 1][i] = -1;
      }
    }
    double[] values = SymmetricMatrix.eigenvalues(a);
    Arrays.sort(values);
    for (int k = 1; k <= n; k++) {
      assertThat(values[k - 1]).isCloseTo(2 - 2 * Math.cos(Math.PI * k / (n + 1)), offset(1e-13));
    }
  }

  @Test
  void specialMatrices() {
    assertThat(SymmetricMatrix.eigenvalues(new double[4][4])).containsOnly(0);
    assertThat(SymmetricMatrix.eigenvalues(new double[][] {{1, 0}, {0, 1}})).containsOnly(1);
    double[] ones = SymmetricMatrix.eigenvalues(new double[][] {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}});
    Arrays.sort(ones);
    assertThat(ones).containsExactly(new double[] {0, 0, 3}, offset(1e-15));
    double[] scaled =
        SymmetricMatrix.eigenvalues(
            new double[][] {{1e-200, 2e-200, 0}, {2e-200, 1e-200, 0}, {0, 0, 1e200}});
    Arrays.sort(scaled);
    assertThat(scaled[2]).isEqualTo(1e200);
  }

  @ParameterizedTest
  @CsvSource({"6, 9, 6", "9, 6, 6", "30, 4, 4", "5, 1, 1"})
  void choleskyStopsAtTheRank(int n, int columns, int rank) {
    double[][] a = gram(random(n, columns, 2));
    double[][] factors = SymmetricMatrix.cholesky(a);
    assertThat(factors).hasNumberOfRows(rank);
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < n; k++) {
        double sum = 0;
        for (double[] column : factors) {
          sum += column[i] * column[k];
        }
        assertThat(sum).isCloseTo(a[i][k], offset(1e-12 * columns));
      }
    }
    assertThat(SymmetricMatrix.cholesky(new double[3][3])).isEmpty();
  }
}
