package dev.ablation.metric;

import java.util.Arrays;

/**
 * Numerics of symmetric matrices, in double precision. Rows are contiguous, so all loops run along
 * rows.
 */
final class SymmetricMatrix {
  private static final int MOST_ITERATIONS = 60;

  private SymmetricMatrix() {}

  /** The dot product. */
  static double dot(double[] a, double[] b) {
    // Four independent sums, so that additions need not wait for each other.
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < a.length; i += 4) {
      s0 += a[i] * b[i];
      s1 += a[i + 1] * b[i + 1];
      s2 += a[i + 2] * b[i + 2];
      s3 += a[i + 3] * b[i + 3];
    }
    for (; i < a.length; i++) {
      s0 += a[i] * b[i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  static double trace(double[][] a) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i][i];
    }
    return sum;
  }

  /**
   * Computes the factorization L L^T of a positive semidefinite matrix by Cholesky's method with
   * complete pivoting, which stops at the matrix's rank.
   *
   * @param a the matrix, not modified
   * @return the columns of L, as many as the rank
   */
  static double[][] cholesky(double[][] a) {
    int n = a.length;
    double[] rest = new double[n];
    double largest = 0;
    for (int i = 0; i < n; i++) {
      rest[i] = a[i][i];
      largest = Math.max(largest, rest[i]);
    }
    double negligible = n * Math.ulp(largest);
    double[][] columns = new double[n][];
    for (int rank = 0; rank < n; rank++) {
      int pivot = 0;
      for (int i = 1; i < n; i++) {
        if (rest[i] > rest[pivot]) {
          pivot = i;
        }
      }
      if (rest[pivot] <= negligible) {
        return Arrays.copyOf(columns, rank);
      }
      double[] column = a[pivot].clone();
      for (int k = 0; k < rank; k++) {
        double factor = columns[k][pivot];
        double[] other = columns[k];
        for (int i = 0; i < n; i++) {
          column[i] -= factor * other[i];
        }
      }
      double root = Math.sqrt(rest[pivot]);
      for (int i = 0; i < n; i++) {
        // rows of earlier pivots are done: what remains there is rounding error
        column[i] = rest[i] == Double.NEGATIVE_INFINITY ? 0 : column[i] / root;
        rest[i] -= column[i] * column[i];
      }
      column[pivot] = root;
      rest[pivot] = Double.NEGATIVE_INFINITY;
      columns[rank] = column;
    }
    return columns;
  }

  /**
   * Returns L^T A L.
   *
   * @param columns the columns of L
   * @param a a symmetric matrix
   * @return a symmetric matrix with as many rows as L has columns
   */
  static double[][] congruence(double[][] columns, double[][] a) {
    int rank = columns.length;
    double[][] result = new double[rank][rank];
    double[] image = new double[a.length];
    for (int k = 0; k < rank; k++) {
      for (int i = 0; i < a.length; i++) {
        image[i] = dot(a[i], columns[k]);
      }
      for (int l = 0; l <= k; l++) {
        result[k][l] = dot(columns[l], image);
        result[l][k] = result[k][l];
      }
    }
    return result;
  }

  /**
   * Returns the eigenvalues: Householder's reduction to a tridiagonal matrix, then the QL method
   * with implicit shifts (Golub and Van Loan, sections 8.3.1 and 8.3.3).
   *
   * @param a a symmetric matrix; overwritten
   * @return the eigenvalues, in no particular order
   * @throws ArithmeticException if the iteration does not converge
   */
  static double[] eigenvalues(double[][] a) {
    int n = a.length;
    double[] diagonal = new double[n];
    double[] beside = new double[n];
    double[] reflector = new double[n];
    double[] image = new double[n];
    for (int k = 0; k < n; k++) {
      diagonal[k] = a[k][k];
      if (k + 1 < n) {
        beside[k] = reflect(a, k, reflector, image);
      }
    }
    diagonalise(diagonal, beside);
    return diagonal;
  }

  /** Zeros row and column k beyond the subdiagonal and returns the remaining entry. */
  private static double reflect(double[][] a, int k, double[] v, double[] w) {
    int n = a.length;
    double[] row = a[k];
    double scale = 0;
    for (int i = k + 2; i < n; i++) {
      scale = Math.max(scale, Math.abs(row[i]));
    }
    if (scale == 0) {
      return row[k + 1];
    }
    scale = Math.max(scale, Math.abs(row[k + 1]));
    double squares = 0;
    for (int i = k + 1; i < n; i++) {
      v[i] = row[i] / scale;
      squares += v[i] * v[i];
    }
    double length = v[k + 1] > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
    double beta = 1 / (squares - length * v[k + 1]); // 2 / |v|^2 after the change of v
    v[k + 1] -= length;
    double along = 0;
    for (int i = k + 1; i < n; i++) {
      double sum = 0;
      double[] of = a[i];
      for (int j = k + 1; j < n; j++) {
        sum += of[j] * v[j];
      }
      w[i] = beta * sum;
      along += w[i] * v[i];
    }
    for (int i = k + 1; i < n; i++) {
      w[i] -= 0.5 * beta * along * v[i];
    }
    for (int i = k + 1; i < n; i++) {
      double[] of = a[i];
      double vi = v[i];
      double wi = w[i];
      for (int j = k + 1; j < n; j++) {
        of[j] -= vi * w[j] + wi * v[j];
      }
    }
    return length * scale;
  }

  /** Diagonalizes a tridiagonal matrix with diagonal {@code d} and off-diagonal {@code e}. */
  private static void diagonalise(double[] d, double[] e) {
    int n = d.length;
    for (int l = 0; l < n; l++) {
      int iterations = 0;
      while (true) {
        int m = l;
        while (m + 1 < n && Math.abs(e[m]) > Math.ulp(Math.abs(d[m]) + Math.abs(d[m + 1])) / 2) {
          m++;
        }
        if (m == l) {
          break;
        }
        if (++iterations > MOST_ITERATIONS) {
          throw new ArithmeticException("the eigenvalues of a symmetric matrix did not converge");
        }
        sweep(d, e, l, m);
      }
    }
  }

  private static void sweep(double[] d, double[] e, int l, int m) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double r = Math.hypot(g, 1);
    g = d[m] - d[l] + e[l] / (g + Math.copySign(r, g)); // Wilkinson's shift
    double sine = 1;
    double cosine = 1;
    double p = 0;
    for (int i = m - 1; i >= l; i--) {
      double f = sine * e[i];
      double b = cosine * e[i];
      r = Math.hypot(f, g);
      e[i + 1] = r;
      if (r == 0) { // the matrix splits into two blocks here
        d[i + 1] -= p;
        e[m] = 0;
        return;
      }
      sine = f / r;
      cosine = g / r;
      g = d[i + 1] - p;
      r = (d[i] - g) * sine + 2 * cosine * b;
      p = sine * r;
      d[i + 1] = g + p;
      g = cosine * r - b;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
  }
}
