// Training of small nets on one CPU thread, in float32: blocks of (unpadded convolution, 2x2 max-pool,
// ReLU), then dense layers with ReLU between. native.py compiles this file and calls the four functions
// at its end; a call trains a whole epoch, so nothing but arithmetic happens between two steps.
//
// Convolutions hold L examples in the L lanes of a vector, [group][channel][row][column][lane]: no shape
// wastes lanes and no shuffle is needed. Dense layers hold one example per row, [example][feature], so
// that the weights stay in torch's layout and the first layer can read the caller's rows in place.
// Nothing depends on threads or addresses: the same inputs give the same bits.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int L = 16;
constexpr bool WIDE = true;  // 32 vector registers, else 16: the size of the blocks below
#elif defined(__AVX__)
constexpr int L = 8;
constexpr bool WIDE = false;
#elif defined(__aarch64__)
constexpr int L = 4;
constexpr bool WIDE = true;
#else
constexpr int L = 4;
constexpr bool WIDE = false;
#endif
typedef float V __attribute__((vector_size(4 * L), may_alias));
typedef float U __attribute__((vector_size(4 * L), aligned(4), may_alias));  // a vector at any address
typedef int32_t Mask __attribute__((vector_size(4 * L)));
typedef uint8_t Bytes __attribute__((vector_size(L)));
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Mask{__VA_ARGS__})
#endif
#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
constexpr int vectors(size_t n) { return (n + L - 1) / L; }
typedef std::vector<V> Vectors;
// Floats at addresses that are multiples of a vector's size: a vector across two cache lines costs two loads.
struct Floats {
  Vectors values;
  void resize(size_t n) { values.assign(vectors(n) + 1, V{}); }
  float* data() { return (float*)values.data(); }
  const float* data() const { return (const float*)values.data(); }
  float& operator[](size_t i) { return data()[i]; }
  float operator[](size_t i) const { return data()[i]; }
};
using Lanes = std::make_integer_sequence<int, L>;

INLINE V load(const float* at) { return *(const U*)at; }
INLINE void store(float* at, V v) { *(U*)at = v; }
INLINE V all(float x) { return V{} + x; }
INLINE V relu(V v) { return 0 > v ? V{} : v; }  // in this form NaN stays NaN and divergence is seen
// An odd number of vectors per row: rows a power of two apart would share few sets of the cache.
constexpr int padded(int n) { return (vectors(n) | 1) * L; }

// Calls f with min(n, MOST) as a constant, so that a block's accumulators can live in registers.
template <int MOST, class F> INLINE void sized(int n, F f) {
  if constexpr (MOST == 1) f(std::integral_constant<int, 1>());
  else if (n >= MOST) f(std::integral_constant<int, MOST>());
  else sized<MOST - 1>(n, f);
}

// Denormal numbers, which a memorised data set is full of, cost a hundred times a normal one.
class FlushDenormals {
#if defined(__SSE__)
  unsigned before = _mm_getcsr();
 public:
  FlushDenormals() { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
 public:
  FlushDenormals() { asm volatile("mrs %0, fpcr" : "=r"(before)); asm volatile("msr fpcr, %0" ::"r"(before | 1 << 24)); }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};

// ---- Shuffles -----------------------------------------------------------------------------------------

template <int... i> INLINE V pair_sums(V a, V b, std::integer_sequence<int, i...>) {
  return SHUFFLE(a, b, (2 * i)...) + SHUFFLE(a, b, (2 * i + 1)...);
}

// Lane i of the result is the sum over the lanes of v[i].
INLINE V sums(V* v) {
  UNROLL for (int n = L; n > 1; n /= 2)
    UNROLL for (int i = 0; i < n / 2; i++) v[i] = pair_sums(v[2 * i], v[2 * i + 1], Lanes());
  return v[0];
}

template <int HALF, int... i> INLINE void exchange(V& a, V& b, std::integer_sequence<int, i...>) {
  V upper = SHUFFLE(a, b, (i & HALF ? L + i - HALF : i)...);
  b = SHUFFLE(a, b, (i & HALF ? L + i : i + HALF)...);
  a = upper;
}

template <int HALF = L / 2> INLINE void transpose(V* v) {
  UNROLL for (int i = 0; i < L; i++) if (!(i & HALF)) exchange<HALF>(v[i], v[i + HALF], Lanes());
  if constexpr (HALF > 1) transpose<HALF / 2>(v);
}

// L rows of n features -> n vectors, lane = row.
static void to_lanes(const float* const* rows, int n, V* out) {
  int f = 0;
  for (; f + L <= n; f += L) {
    V block[L];
    UNROLL for (int i = 0; i < L; i++) block[i] = load(rows[i] + f);
    transpose(block);
    UNROLL for (int i = 0; i < L; i++) out[f + i] = block[i];
  }
  for (; f < n; f++) for (int i = 0; i < L; i++) out[f][i] = rows[i][f];
}

static void from_lanes(const V* in, int n, int count, float* rows, int stride) {
  for (int f = 0; f < n; f += L) {
    V block[L];
    UNROLL for (int i = 0; i < L; i++) block[i] = f + i < n ? in[f + i] : V{};
    transpose(block);
    for (int i = 0; i < count; i++) store(rows + i * stride + f, block[i]);
  }
}

// ---- Parameters ---------------------------------------------------------------------------------------

struct Rule {
  float lr, momentum, decay;
  // torch's SGD: v = momentum v + (gradient + decay w), w = w - lr v.
  INLINE void apply(float* w, float* v, V gradient) const {
    V weight = load(w), velocity = load(v) * momentum + (gradient + weight * decay);
    store(v, velocity);
    store(w, weight - velocity * lr);
  }
};

struct Array {
  Floats values, velocity;
  void resize(size_t n) { values.resize(n), velocity.resize(n); }
  float* w() { return values.data(); }
  float* v() { return velocity.data(); }
};

// ---- Convolution, 2x2 max-pool, ReLU ------------------------------------------------------------------

struct Conv {
  int channels, outputs, kernel, height, width, has_bias;  // of the input; the pooled map's are below
  int rows, columns, taps;
  Array weights, bias;                 // weights [channel][ky][kx][output]
  Floats turned;           // [output][ky][kx][channel], for the gradient of the input
  Vectors input, gradients, bias_gradient;
  std::vector<Bytes> winner;           // which of the four pooled: 0..3, or 4 where ReLU is shut

  Conv(const int64_t* s, int groups)
      : channels(s[0]), outputs(s[1]), kernel(s[2]), height(s[3]), width(s[4]), has_bias(s[5]),
        rows((height - kernel + 1) / 2), columns((width - kernel + 1) / 2), taps(channels * kernel * kernel) {
    weights.resize((size_t)taps * outputs), bias.resize(outputs), turned.resize((size_t)taps * outputs);
    input.resize((size_t)groups * in_size()), gradients.resize((size_t)taps * outputs + L);
    bias_gradient.resize(outputs + L), winner.resize((size_t)groups * out_size());
  }
  size_t in_size() const { return (size_t)channels * height * width; }
  size_t out_size() const { return (size_t)outputs * rows * columns; }
  int wide() const { return 2 * columns + 2 * (kernel - 1); }  // a row of spread gradients, zeros around

  // One block of Q channels: the four positions of a pool window are four rows of accumulators.
  template <int Q> void forward_block(const V* in, int o, V* out, Bytes* won) const {
    const float* w = weights.values.data() + o;
    for (int y = 0; y < rows; y++)
      for (int x = 0; x < columns; x++) {
        V sum[4][Q] = {};
        for (int c = 0, tap = 0; c < channels; c++)
          for (int ky = 0; ky < kernel; ky++) {
            const V* above = in + ((size_t)c * height + 2 * y + ky) * width + 2 * x;
            const V* below = above + width;
            for (int kx = 0; kx < kernel; kx++, tap++) {
              const float* here = w + (size_t)tap * outputs;
              V a0 = above[kx], a1 = above[kx + 1], b0 = below[kx], b1 = below[kx + 1];
              UNROLL for (int q = 0; q < Q; q++) {
                V weight = all(here[q]);
                sum[0][q] += a0 * weight, sum[1][q] += a1 * weight;
                sum[2][q] += b0 * weight, sum[3][q] += b1 * weight;
              }
            }
          }
        UNROLL for (int q = 0; q < Q; q++) {
          V best = sum[0][q];
          Mask which = {};
          UNROLL for (int i = 1; i < 4; i++) {
            Mask more = sum[i][q] > best;
            best = more ? sum[i][q] : best;
            which = more ? Mask{} + i : which;
          }
          best += bias.values[o + q];
          size_t at = ((size_t)(o + q) * rows + y) * columns + x;
          out[at] = relu(best);
          won[at] = __builtin_convertvector(best > 0 ? which : Mask{} + 4, Bytes);
        }
      }
  }

  void forward(int group, V* out) {
    for (int o = 0; o < outputs;)
      sized<WIDE ? 6 : 2>(outputs - o, [&](auto q) {
        forward_block<q>(&input[group * in_size()], o, out, &winner[group * out_size()]);
        o += q;
      });
  }

  // The gradient of the pooled map, each value put back where the maximum was: [output][row][wide()].
  void spread(int group, const V* gradient, V* full) {
    const Bytes* won = &winner[group * out_size()];
    const int stride = wide();
    for (int o = 0; o < outputs; o++)
      for (int y = 0; y < rows; y++) {
        V* upper = full + ((size_t)o * 2 * rows + 2 * y) * stride;
        std::memset((void*)upper, 0, sizeof(V) * 2 * stride);
        upper += kernel - 1;
        V total = {};
        for (int x = 0; x < columns; x++) {
          V value = *gradient++;
          Mask which = __builtin_convertvector(*won++, Mask);
          total += which != 4 ? value : V{};
          upper[2 * x] = which == 0 ? value : V{}, upper[2 * x + 1] = which == 1 ? value : V{};
          upper[stride + 2 * x] = which == 2 ? value : V{}, upper[stride + 2 * x + 1] = which == 3 ? value : V{};
        }
        bias_gradient[o] += total;
      }
  }

  // X taps of one kernel row times Q outputs, over some rows of the map.
  template <int X, int Q> INLINE void weight_block(const V* in, const V* full, int first, int last, V* sum) const {
    V acc[X][Q];
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) acc[i][q] = sum[i * outputs + q];
    const size_t map = (size_t)2 * rows * wide();
    for (int y = first; y < last; y++) {
      const V *source = in + y * width, *gradient = full + y * wide();
      for (int x = 0; x < 2 * columns; x++) {
        V g[Q];
        UNROLL for (int q = 0; q < Q; q++) g[q] = gradient[q * map + x];
        UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) acc[i][q] += source[x + i] * g[q];
      }
    }
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) sum[i * outputs + q] = acc[i][q];
  }

  void weight_gradients(int group, const V* full) {
    const V* in = &input[group * in_size()];
    const int strip = std::max(1, 6144 / (4 * L * columns));  // its gradients stay in the first-level cache
    for (int first = 0; first < 2 * rows; first += strip)
      for (int o = 0; o < outputs;)
        sized<WIDE ? 4 : 3>(outputs - o, [&](auto q) {
          for (int c = 0; c < channels; c++)
            for (int ky = 0; ky < kernel; ky++)
              for (int kx = 0; kx < kernel;)
                sized<WIDE ? 5 : 3>(kernel - kx, [&](auto x) {
                  weight_block<x, q>(in + ((size_t)c * height + ky) * width + kx,
                                     full + (size_t)o * 2 * rows * wide() + kernel - 1, first,
                                     std::min(first + strip, 2 * rows),
                                     &gradients[(size_t)((c * kernel + ky) * kernel + kx) * outputs + o]);
                  kx += x;
                });
          o += q;
        });
  }

  // X columns times Q channels of one row of the input's gradient.
  template <int X, int Q> INLINE void input_block(const V* full, int y, int x, int c, V* out) const {
    V acc[X][Q] = {};
    for (int o = 0; o < outputs; o++)
      for (int ky = std::max(0, y - 2 * rows + 1); ky < kernel && ky <= y; ky++) {
        const V* row = full + ((size_t)o * 2 * rows + y - ky) * wide() + x + kernel - 1;
        const float* w = turned.data() + (size_t)(o * kernel + ky) * kernel * channels + c;
        for (int kx = 0; kx < kernel; kx++, row--, w += channels) {
          V g[X];
          UNROLL for (int i = 0; i < X; i++) g[i] = row[i];
          UNROLL for (int q = 0; q < Q; q++) UNROLL for (int i = 0; i < X; i++) acc[i][q] += g[i] * all(w[q]);
        }
      }
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) out[(size_t)q * height * width + i] = acc[i][q];
  }

  void input_gradients(const V* full, V* out) const {
    const int reached = std::min(width, 2 * columns + kernel - 1);
    for (int c = 0; c < channels;)
      sized<WIDE ? 6 : 2>(channels - c, [&](auto q) {
        for (int y = 0; y < height; y++) {
          V* row = out + ((size_t)c * height + y) * width;
          for (int x = 0; x < reached;)
            sized<4>(reached - x, [&](auto n) { input_block<n, q>(full, y, x, c, row + x), x += n; });
          for (int i = 0; i < q; i++) for (int x = reached; x < width; x++) row[(size_t)i * height * width + x] = V{};
        }
        c += q;
      });
  }

  void turn() {
    const int square = kernel * kernel;
    for (int c = 0; c < channels; c++)
      for (int k = 0; k < square; k++)
        for (int o = 0; o < outputs; o++)
          turned[(size_t)(o * square + k) * channels + c] = weights.values[(size_t)(c * square + k) * outputs + o];
  }

  void update(const Rule& rule) {
    for (int i = 0; i < taps * outputs; i += L) rule.apply(weights.w() + i, weights.v() + i, sums(&gradients[i]));
    for (int i = 0; has_bias && i < outputs; i += L) rule.apply(bias.w() + i, bias.v() + i, sums(&bias_gradient[i]));
    gradients.assign(gradients.size(), V{}), bias_gradient.assign(bias_gradient.size(), V{});
  }
};

// ---- Dense --------------------------------------------------------------------------------------------

// sum over k of left(m, k) x right(k)[n], for M rows and N vectors, given to `done`.
template <int M, int N, class A, class B, class F> INLINE void product(int depth, A left, B right, F done) {
  V acc[M][N] = {};
  for (int k = 0; k < depth; k++) {
    const float* row = right(k);
    V r[N];
    UNROLL for (int n = 0; n < N; n++) r[n] = load(row + n * L);
    UNROLL for (int m = 0; m < M; m++) {
      V l = all(left(m, k));
      UNROLL for (int n = 0; n < N; n++) acc[m][n] += l * r[n];
    }
  }
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) done(m, n * L, acc[m][n]);
}

constexpr int tall(int n) { return WIDE ? (n == 1 ? 12 : n == 2 ? 10 : n == 3 ? 8 : 6) : (n == 1 ? 8 : 5); }

// f(m0, M, n0, N) over all blocks of a matrix of m rows and n vectors.
template <class F> INLINE void blocks(int m, int n, F f) {
  for (int n0 = 0; n0 < n;)
    sized<WIDE ? 4 : 2>(n - n0, [&](auto N) {
      for (int m0 = 0; m0 < m;) sized<tall(N)>(m - m0, [&](auto M) { f(m0, M, n0 * L, N), m0 += M; });
      n0 += N;
    });
}

struct Dense {
  int inputs, outputs, has_bias, last, in_stride, out_stride;
  bool by_dots;  // long rows: the products run along the inputs and no transposed copy is needed
  Array weights, bias;
  Floats output;
  static constexpr int DEPTH = 128;
  std::vector<const float*> rows;

  Dense(const int64_t* s, int last, int capacity)
      : inputs(s[0]), outputs(s[1]), has_bias(s[2]), last(last), in_stride(padded(inputs)),
        out_stride(padded(outputs)), by_dots(outputs <= L && inputs >= 16 * L) {
    weights.resize((size_t)outputs * in_stride), bias.resize(out_stride);
    output.resize((size_t)capacity * out_stride), rows.resize(capacity);
  }

  void forward(int count) {
    if (by_dots) return forward_dots(count);
    for (int first = 0; first < inputs; first += DEPTH)
      for (int o = 0; o < vectors(outputs);)
        sized<WIDE ? 4 : 2>(vectors(outputs) - o, [&](auto N) {
          forward_panel<N>(count, first, std::min(DEPTH, inputs - first), o * L);
          o += N;
        });
  }

  // The weights of some inputs and N vectors of outputs, transposed into the first-level cache.
  template <int N> INLINE void forward_panel(int count, int first, int depth, int o) {
    alignas(64) float panel[DEPTH * N * L];
    for (int n = 0; n < N; n++)
      for (int i = 0; i < depth; i += L) {
        V block[L];
        for (int r = 0; r < L; r++) {
          const int row = o + n * L + r;
          block[r] = row < outputs ? load(weights.w() + (size_t)row * in_stride + first + i) : V{};
        }
        transpose(block);
        UNROLL for (int r = 0; r < L; r++) store(panel + ((i + r) * N + n) * L, block[r]);
      }
    const bool begin = first == 0, end = first + depth == inputs;
    for (int b = 0; b < count;)
      sized<tall(N)>(count - b, [&](auto M) {
        const float* const* x = &rows[b];
        product<M, N>(depth, [&](int m, int k) { return x[m][first + k]; }, [&](int k) { return panel + k * N * L; },
                      [&](int m, int n, V sum) {
                        float* at = &output[(size_t)(b + m) * out_stride + o + n];
                        V value = sum + load(begin ? bias.w() + o + n : at);
                        store(at, end && !last ? relu(value) : value);
                      });
        b += M;
      });
  }

  // Few outputs of long rows: the lanes run along the inputs.
  void forward_dots(int count) {
    constexpr int M = L == 16 ? 4 : 2, N = L / M;
    for (int b = 0; b < count; b += M)
      for (int o = 0; o < outputs; o += N) {
        const float *x[M], *w[N];
        for (int m = 0; m < M; m++) x[m] = rows[std::min(b + m, count - 1)];
        for (int n = 0; n < N; n++) w[n] = weights.w() + (size_t)std::min(o + n, outputs - 1) * in_stride;
        V acc[L] = {};
        for (int i = 0; i < inputs; i += L) {
          V left[M];
          UNROLL for (int m = 0; m < M; m++) left[m] = load(x[m] + i);
          UNROLL for (int n = 0; n < N; n++) {
            V right = load(w[n] + i);
            UNROLL for (int m = 0; m < M; m++) acc[m * N + n] += left[m] * right;
          }
        }
        V total = sums(acc);
        for (int m = 0; m < M && b + m < count; m++)
          for (int n = 0; n < N && o + n < outputs; n++) {
            float value = total[m * N + n] + bias.w()[o + n];
            output[(size_t)(b + m) * out_stride + o + n] = last ? value : 0 > value ? 0 : value;
          }
      }
  }

  // gradient [count][out_stride] of the outputs -> that of the inputs; `shut`: zero where the input is not positive.
  void input_gradients(int count, const float* gradient, bool shut, float* out) {
    blocks(count, vectors(inputs), [&](int b, auto M, int i, auto N) {
      product<M, N>(outputs, [&](int m, int k) { return gradient[(size_t)(b + m) * out_stride + k]; },
                    [&](int k) { return weights.w() + (size_t)k * in_stride + i; },
                    [&](int m, int n, V v) {
                      store(out + (size_t)(b + m) * in_stride + i + n, !shut || load(rows[b + m] + i + n) > 0 ? v : V{});
                    });
    });
  }

  // The gradient of the weights never reaches memory: each block is applied while it is in registers.
  void update(int count, const float* gradient, const Rule& rule) {
    blocks(outputs, vectors(inputs), [&](int o, auto M, int i, auto N) {
      float *w = weights.w() + (size_t)o * in_stride + i, *v = weights.v() + (w - weights.w());
      for (int m = 0; m < M; m++)
        for (int n = 0; n < N * L; n += L) __builtin_prefetch(w + m * in_stride + n), __builtin_prefetch(v + m * in_stride + n);
      product<M, N>(count, [&](int m, int k) { return gradient[(size_t)k * out_stride + o + m]; },
                    [&](int k) { return rows[k] + i; },
                    [&](int m, int n, V gradient) {
                      rule.apply(w + m * in_stride + n, v + m * in_stride + n, gradient);
                    });
    });
    for (int o = 0; has_bias && o < outputs; o += L) {
      V total = {};
      for (int b = 0; b < count; b++) total += load(gradient + (size_t)b * out_stride + o);
      rule.apply(bias.w() + o, bias.v() + o, total);
    }
  }
};

// ---- Loss ---------------------------------------------------------------------------------------------

// exp for arguments up to 0, as in Cephes: 2^n times a polynomial, relative error about 1e-7.
INLINE V exponential(V x) {
  x = x < -87 ? V{} - 87 : x;
  V n = (x * 1.44269504f + 12582912.f) - 12582912.f;  // adding 1.5 x 2^23 rounds to an integer
  V r = x - n * 0.693359375f + n * 2.12194440e-4f;
  V p = all(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) p = p * r + c;
  Mask power = (__builtin_convertvector(n, Mask) + 127) << 23;
  return (p * r * r + r + 1) * (V)power;
}

struct Loss {
  int classes, squared;
  Vectors z;  // logits, then their gradients, of L examples

  // Adds up the losses of `count` examples and writes d(mean loss)/d(logits); both arrays have `stride`.
  double operator()(const float* logits, const int64_t* labels, int count, int stride, float* gradient) {
    double total = 0;
    for (int b = 0; b < count; b += L) {
      const float* rows[L];
      const int here = std::min(L, count - b);
      Mask label = {};
      for (int i = 0; i < L; i++) rows[i] = logits + (size_t)(b + std::min(i, here - 1)) * stride;
      for (int i = 0; i < here; i++) label[i] = (int)labels[b + i];
      to_lanes(rows, classes, z.data());
      if (squared) total += squares(label, here, count);
      else total += entropies(label, here, count);
      from_lanes(z.data(), classes, here, gradient + (size_t)b * stride, stride);
    }
    return total;
  }

  double squares(Mask label, int here, int count) {
    V sum = {};
    for (int c = 0; c < classes; c++) {
      V off = label == c ? z[c] - 1 : z[c];
      sum += off * off;
      z[c] = off * (2.f / ((float)count * classes));
    }
    double total = 0;
    for (int i = 0; i < here; i++) total += sum[i];
    return total / classes;
  }

  double entropies(Mask label, int here, int count) {
    V most = z[0], own = {}, sum = {};
    for (int c = 0; c < classes; c++) most = z[c] > most ? z[c] : most, own = label == c ? z[c] : own;
    for (int c = 0; c < classes; c++) sum += z[c] = exponential(z[c] - most);
    const V scale = 1 / (sum * (float)count);
    for (int c = 0; c < classes; c++) z[c] = z[c] * scale - (label == c ? all(1.f / count) : V{});
    double total = 0;
    for (int i = 0; i < here; i++) total += std::log((double)sum[i]) + most[i] - own[i];
    return total;
  }
};

// ---- The net ------------------------------------------------------------------------------------------

struct Net {
  int capacity, examples_size;  // most examples of a step; numbers in one example
  Rule rule;
  Loss loss;
  std::vector<Conv> convs;
  std::vector<Dense> denses;
  Vectors flat, gradient, next_gradient, full;  // of one group
  Floats features, rows_gradient, next_rows_gradient, nothing;

  Net(const int64_t* spec, int n_convs, int n_denses, int most, int squared, float momentum, float decay)
      : capacity((most + L - 1) / L * L), rule{0, momentum, decay} {
    size_t widest = 0, map = 0, spread = 0;
    for (int i = 0; i < n_convs; i++, spec += 6) {
      Conv& c = convs.emplace_back(spec, capacity / L);
      map = std::max({map, c.in_size(), c.out_size()});
      spread = std::max(spread, (size_t)c.outputs * 2 * c.rows * c.wide());
    }
    for (int i = 0; i < n_denses; i++, spec += 3) {
      Dense& d = denses.emplace_back(spec, i + 1 == n_denses, capacity);
      widest = std::max({widest, (size_t)d.in_stride, (size_t)d.out_stride});
    }
    examples_size = n_convs ? (int)convs[0].in_size() : denses[0].inputs;
    flat.resize(map), gradient.resize(map), next_gradient.resize(map), full.resize(spread + L);
    features.resize((size_t)capacity * denses[0].in_stride);
    rows_gradient.resize(capacity * widest), next_rows_gradient.resize(capacity * widest);
    nothing.resize(widest);
    loss = {denses.back().outputs, squared, Vectors(denses.back().outputs)};
  }

  // f(array, rows, columns, distance of rows, distance of columns), in the order of torch's state_dict
  template <class F> void each(F f) {
    for (Conv& c : convs) {
      f(c.weights, c.outputs, c.taps, 1, c.outputs);
      if (c.has_bias) f(c.bias, 1, c.outputs, 0, 1);
    }
    for (Dense& d : denses) {
      f(d.weights, d.outputs, d.inputs, d.in_stride, 1);
      if (d.has_bias) f(d.bias, 1, d.outputs, 0, 1);
    }
  }

  void forward(const float* x, const int64_t* chosen, int count) {
    if (convs.empty()) read_rows(x, chosen, count);
    else {
      for (int g = 0; g * L < count; g++) convolve(x, chosen, count, g);
      for (int b = 0; b < count; b++) denses[0].rows[b] = &features[(size_t)b * denses[0].in_stride];
    }
    for (size_t d = 0; d < denses.size(); d++) {
      denses[d].forward(count);
      if (d + 1 < denses.size())
        for (int b = 0; b < count; b++) denses[d + 1].rows[b] = &denses[d].output[(size_t)b * denses[d].out_stride];
    }
  }

  // Rows of whole vectors are read where they are; others are copied, since a vector would reach past the end.
  void read_rows(const float* x, const int64_t* chosen, int count) {
    Dense& first = denses[0];
    for (int b = 0; b < count; b++) {
      first.rows[b] = x + chosen[b] * (int64_t)examples_size;
      if (examples_size % L == 0) continue;
      float* copy = &features[(size_t)b * first.in_stride];
      std::memcpy(copy, first.rows[b], sizeof(float) * examples_size);
      first.rows[b] = copy;
    }
  }

  // Lanes beyond the last example repeat it; their gradient is zero.
  void convolve(const float* x, const int64_t* chosen, int count, int g) {
    const float* rows[L];
    for (int i = 0; i < L; i++) rows[i] = x + chosen[std::min(g * L + i, count - 1)] * (int64_t)examples_size;
    to_lanes(rows, examples_size, &convs[0].input[g * convs[0].in_size()]);
    for (size_t l = 0; l < convs.size(); l++)
      convs[l].forward(g, l + 1 < convs.size() ? &convs[l + 1].input[g * convs[l + 1].in_size()] : flat.data());
    const int stride = denses[0].in_stride;
    from_lanes(flat.data(), denses[0].inputs, L, &features[(size_t)g * L * stride], stride);
  }

  double step(const float* x, const int64_t* chosen, const int64_t* labels, int count, float lr) {
    rule.lr = lr;
    forward(x, chosen, count);
    Dense& last = denses.back();
    double total = loss(last.output.data(), labels, count, last.out_stride, rows_gradient.data());
    for (size_t d = denses.size(); d-- > 0;) {
      if (d || !convs.empty()) denses[d].input_gradients(count, rows_gradient.data(), d > 0, next_rows_gradient.data());
      denses[d].update(count, rows_gradient.data(), rule);
      std::swap(rows_gradient, next_rows_gradient);
    }
    for (Conv& c : convs) c.turn();
    for (int g = 0; !convs.empty() && g * L < count; g++) backward(count, g);
    for (Conv& c : convs) c.update(rule);
    return total;
  }

  void backward(int count, int g) {
    const float* rows[L];
    for (int i = 0; i < L; i++) {
      const int b = g * L + i;
      rows[i] = b < count ? &rows_gradient[(size_t)b * denses[0].in_stride] : nothing.data();
    }
    to_lanes(rows, denses[0].inputs, gradient.data());
    for (size_t l = convs.size(); l-- > 0;) {
      convs[l].spread(g, gradient.data(), full.data());
      convs[l].weight_gradients(g, full.data());
      if (l) convs[l].input_gradients(full.data(), next_gradient.data()), gradient.swap(next_gradient);
    }
  }
};

// ---- Called by native.py ------------------------------------------------------------------------------

extern "C" {
// spec: per convolution channels, outputs, kernel, height, width, bias; per dense layer inputs, outputs, bias.
void* native_new(const int64_t* spec, int convs, int denses, int most, int squared, float momentum, float decay) {
  try {
    return new Net(spec, convs, denses, most, squared, momentum, decay);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void native_free(void* net) { delete (Net*)net; }

// All parameters and velocities, one after the other in torch's layout, into the net or out of it.
void native_copy(void* net, float* weights, float* velocities, int into) {
  ((Net*)net)->each([&](Array& array, int rows, int columns, int row, int column) {
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c++, weights++, velocities++) {
        float &w = array.values[(size_t)r * row + (size_t)c * column], &v = array.velocity[(size_t)r * row + (size_t)c * column];
        if (into) w = *weights, v = *velocities;
        else *weights = w, *velocities = v;
      }
  });
}

// One pass over examples `order`, cut at bounds[0] < bounds[1] < ...; the sum of the losses on the way.
double native_epoch(void* net, const float* x, const int64_t* y, const int64_t* order, const int64_t* bounds,
                    const double* rates, int steps) {
  FlushDenormals flush;
  std::vector<int64_t> labels(((Net*)net)->capacity);
  double total = 0;
  for (int s = 0; s < steps; s++) {
    const int count = (int)(bounds[s + 1] - bounds[s]);
    for (int b = 0; b < count; b++) labels[b] = y[order[bounds[s] + b]];
    total += ((Net*)net)->step(x, order + bounds[s], labels.data(), count, (float)rates[s]);
  }
  return total;
}

// wrong[i] = 1 where the largest output (the first of equals) of example i is not at its label.
void native_errors(void* net, const float* x, const int64_t* y, int64_t n, uint8_t* wrong) {
  FlushDenormals flush;
  Net& self = *(Net*)net;
  std::vector<int64_t> chosen(self.capacity);
  for (int64_t first = 0; first < n; first += self.capacity) {
    const int count = (int)std::min<int64_t>(self.capacity, n - first);
    for (int b = 0; b < count; b++) chosen[b] = first + b;
    self.forward(x, chosen.data(), count);
    Dense& last = self.denses.back();
    for (int b = 0; b < count; b++) {
      const float* z = &last.output[(size_t)b * last.out_stride];
      wrong[first + b] = std::max_element(z, z + last.outputs) - z != y[first + b];
    }
  }
}
}
