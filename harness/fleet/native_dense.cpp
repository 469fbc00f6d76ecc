// The products of a dense layer: sums of outer products in registers. A file of its own, so that it compiles
// beside native.cpp.
#include "native_dense.h"

// sum over k of left(m, k) times the N vectors at right(k), for M rows; `done` gets what calls a function with
// each finished vector and its place: what does not differ between them is asked once.
template <int M, int N, class A, class B, class F> INLINE void product(int depth, A left, B right, F done) {
  V acc[M][N] = {};
  TWO_AT_ONCE for (int k = 0; k < depth; k++) {
    const float* row = right(k);
    V r[N];
    UNROLL for (int n = 0; n < N; n++) r[n] = load(row + n * L);
    UNROLL for (int m = 0; m < M; m++) {
      const V l = all(left(m, k));
      UNROLL for (int n = 0; n < N; n++) acc[m][n] += l * r[n];
    }
  }
  done([&](auto each) {
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) each(m, n * L, acc[m][n]);
  });
}

// Rows of a block with n vectors per row.
constexpr int tall(int n) { return WIDE ? (n == 1 ? 12 : n == 2 ? 10 : n == 3 ? 8 : 6) : (n == 1 ? 8 : 5); }

// f(row, M, column, N) for each block of a matrix.
template <class F> INLINE void blocks(int rows, int columns, F f) {
  for (int column = 0; column < columns;)
    sized<WIDE ? 4 : 2>(vectors(columns - column), [&](auto N) {
      for (int row = 0; row < rows;)
        sized<tall(decltype(N)::value)>(rows - row, [&](auto M) {
          f(row, M, column, N);
          row += M;
        });
      column += N * L;
    });
}

void Dense::forward(int count) {
  if (outputs <= L && inputs >= 16 * L) return forward_narrow(count);
  for (int first = 0; first < inputs; first += DEPTH)
    for (int o = 0; o < outputs;)
      sized<WIDE ? 4 : 2>(vectors(outputs - o), [&](auto N) {
        forward_panel<decltype(N)::value>(count, first, std::min(DEPTH, inputs - first), o);
        o += N * L;
      });
}

template <int N> INLINE void Dense::forward_panel(int count, int first, int depth, int o) {
  alignas(64) float panel[DEPTH * N * L];
  for (int n = 0; n < N; n++)
    for (int i = 0; i < depth; i += L) {
      V block[L];
      UNROLL for (int r = 0; r < L; r++) {
        const int row = o + n * L + r;
        block[r] = row < outputs ? load(weights.used() + row * in_stride + first + i) : V{};
      }
      transpose(block);
      UNROLL for (int r = 0; r < L; r++) store(panel + ((i + r) * N + n) * L, block[r]);
    }
  const bool begin = first == 0, end = first + depth == inputs;
  const V least = end ? lowest() : -infinite();
  for (int b = 0; b < count;)
    sized<tall(N)>(count - b, [&](auto M) {
      const float* const* x = &rows[b];
      float* to = output.data() + b * out_stride + o;
      const float* from = begin ? bias.used() + o : to;
      const size_t stride = begin ? 0 : out_stride;
      product<decltype(M)::value, N>(
          depth, [&](int m, int k) { return x[m][first + k]; }, [&](int k) { return panel + k * N * L; },
          [&](auto sums) {
            sums([&](int m, int n, V sum) {
              store(to + m * out_stride + n, greater(least, sum + load(from + m * stride + n)));
            });
          });
      if (end && rounding.reduced) round(to, M, N);
      b += M;
    });
}

// To the step's precision, which ReLU may come before.
void Dense::round(float* block, int m, int n) const {
  for (; m > 0; m--, block += out_stride)
    for (int i = 0; i < n * L; i += L) store(block + i, bfloat16(load(block + i)));
}

// Few outputs of long rows: the lanes run along the inputs, in strips that stay in the first cache for
// SOME examples and all outputs.
void Dense::forward_narrow(int count) {
  constexpr int M = L == 16 ? 4 : 2, SOME = 2 * M, STRIP = 32 * L, MOST = WIDE ? 6 : 3;
  const int parts = (outputs + MOST - 1) / MOST, wide = (outputs + parts - 1) / parts;
  V sum[SOME][L];
  for (int b = 0; b < count; b += SOME) {
    std::memset((void*)sum, 0, sizeof sum);
    for (int first = 0; first < inputs; first += STRIP) {
      const int end = std::min(inputs, first + STRIP);
      for (int o = 0; o < outputs; o += wide)
        sized<MOST>(std::min(wide, outputs - o), [&](auto N) {
          for (int some = 0; some < SOME && b + some < count; some += M)
            dots<M, decltype(N)::value>(b + some, count, o, first, end, sum + some);
        });
    }
    for (int some = 0; some < SOME && b + some < count; some++) {
      float* to = output.data() + (b + some) * out_stride;
      store(to, greater(lowest(), sums(sum[some]) + load(bias.used())));
      if (rounding.reduced) round(to, 1, 1);
    }
  }
}

// Adds to sum[m][o + n] the products of example b + m and output o + n over a strip of inputs.
template <int M, int N>
INLINE void Dense::dots(int b, int count, int o, int first, int end, V (*sum)[L]) const {
  const float *x[M], *w = weights.used() + o * in_stride;
  for (int m = 0; m < M; m++) x[m] = rows[std::min(b + m, count - 1)];
  V acc[M][N];
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) acc[m][n] = sum[m][o + n];
  TWO_AT_ONCE for (int i = first; i < end; i += L) {
    V left[M];
    UNROLL for (int m = 0; m < M; m++) left[m] = load(x[m] + i);
    UNROLL for (int n = 0; n < N; n++) {
      const V right = load(w + n * in_stride + i);
      UNROLL for (int m = 0; m < M; m++) acc[m][n] += left[m] * right;
    }
  }
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) sum[m][o + n] = acc[m][n];
}

void Dense::input_gradients(int count, const float* gradient, float* out) const {
  blocks(count, inputs, [&](int b, auto M, int i, auto N) {
    product<decltype(M)::value, decltype(N)::value>(
        outputs, [&](int m, int k) { return gradient[(b + m) * out_stride + k]; },
        [&](int k) { return weights.used() + k * in_stride + i; },
        [&](auto sums) {
          float* to = out + b * in_stride + i;
          if (gated && !rounding.reduced)
            sums([&](int m, int n, V sum) {
              store(to + m * in_stride + n, load(rows[b + m] + i + n) > 0 ? sum : V{});
            });
          else
            sums([&](int m, int n, V sum) {
              const V open = gated ? load(rows[b + m] + i + n) : all(1);
              store(to + m * in_stride + n, open > 0 ? rounding(sum) : V{});
            });
        });
  });
}

// The gradient of the weights never reaches memory: each block is applied from the registers. What it
// applies to is fetched while the block is summed, unless a cache that is near holds all of it.
void Dense::update(int count, const float* gradient, const Rule& rule) {
  const bool plain = !masked() && !rounding.reduced && !rule.adaptive, far = outputs * in_stride > NEAR;
  blocks(outputs, inputs, [&](int o, auto M, int i, auto N) {
    const size_t first = o * in_stride + i;
    const float *w = weights.w() + first, *v = weights.v() + first;
    for (int m = 0; far && m < M; m++)
      for (int n = 0; n < N; n++)
        __builtin_prefetch(w + m * in_stride + n * L), __builtin_prefetch(v + m * in_stride + n * L);
    product<decltype(M)::value, decltype(N)::value>(
        count, [&](int m, int k) { return gradient[k * out_stride + o + m]; },
        [&](int k) { return rows[k] + i; },
        [&](auto sums) {
          if (plain)
            sums([&](int m, int n, V sum) { weights.descend(rule, first + m * in_stride + n, sum); });
          else
            sums([&](int m, int n, V sum) {
              const V kept = masked() ? sum * load(mask.data() + (o + m) * in_stride + i + n) : sum;
              weights.step(rule, first + m * in_stride + n, rounding(kept));
            });
        });
  });
  for (int o = 0; has_bias && o < outputs; o += L) {
    V total = {};
    for (int b = 0; b < count; b++) total += load(gradient + b * out_stride + o);
    bias.step(rule, o, rounding(total));
  }
}
