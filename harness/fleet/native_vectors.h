// Vectors of L floats, for any processor: the compiler's vector extensions instead of intrinsics.
// To be compiled with -fno-strict-aliasing, since the same memory is read as floats and as vectors.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int L = 16;
#elif defined(__AVX__)
constexpr int L = 8;
#else
constexpr int L = 4;
#endif
// 32 vector registers hold blocks of about 24 accumulators, 16 hold about 10.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr bool WIDE = true;
#else
constexpr bool WIDE = false;
#endif

typedef float V __attribute__((vector_size(4 * L)));
typedef float Unaligned __attribute__((vector_size(4 * L), aligned(4)));
typedef int32_t Mask __attribute__((vector_size(4 * L)));
typedef uint8_t Bytes __attribute__((vector_size(L)));
typedef std::vector<V> Vectors;
using Lanes = std::make_integer_sequence<int, L>;

#define INLINE inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#define TWO_AT_ONCE _Pragma("unroll 2")
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else  // __builtin_shufflevector came with GCC 12
#define UNROLL _Pragma("GCC unroll 16")
#define TWO_AT_ONCE _Pragma("GCC unroll 2")
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Mask{__VA_ARGS__})
#endif

INLINE V load(const float* at) { return *(const Unaligned*)at; }
INLINE void store(float* at, V v) { *(Unaligned*)at = v; }
INLINE V all(float x) { return x - V{}; }  // V{} + x would be an addition, for it is not x where x is -0
INLINE V infinite() { return all(__builtin_inff()); }
INLINE V greater(V least, V v) { return least > v ? least : v; }  // NaN stays NaN, and a divergence is seen
INLINE V relu(V v) { return greater(V{}, v); }

// The nearest of the numbers that bfloat16 has, of two equally near ones the even one, as a float.
INLINE V bfloat16(V v) {
  const Mask bits = (Mask)v;
  return (V)((bits + 0x7fff + (bits >> 16 & 1)) & ~0xffff);
}

// Square roots of all lanes: neither compiler makes them one instruction of a loop as long as errno is kept.
INLINE V roots(V v) {
  V r;
#if defined(__AVX512F__)
  asm("vsqrtps %1, %0" : "=v"(r) : "v"(v));
#elif defined(__AVX__)
  asm("vsqrtps %1, %0" : "=x"(r) : "x"(v));
#elif defined(__SSE__)
  asm("sqrtps %1, %0" : "=x"(r) : "x"(v));
#else
  for (int i = 0; i < L; i++) r[i] = std::sqrt(v[i]);
#endif
  return r;
}

constexpr size_t vectors(size_t n) { return (n + L - 1) / L; }
// An odd number of vectors per row: rows a power of two apart would share few sets of the cache.
constexpr size_t padded(size_t n) { return (vectors(n) | 1) * L; }

// Floats from an address that is a multiple of a vector: one across two cache lines costs two loads.
struct Floats {
  Vectors values;
  void resize(size_t n) { values.assign(vectors(n) + 1, V{}); }
  float* data() { return (float*)values.data(); }
  const float* data() const { return (const float*)values.data(); }
};

// Calls f with min(n, MOST) as a constant: only accumulators that are known in number live in registers.
template <int MOST, class F> INLINE void sized(int n, F f) {
  if constexpr (MOST == 1) f(std::integral_constant<int, 1>());
  else if (n >= MOST) f(std::integral_constant<int, MOST>());
  else sized<MOST - 1>(n, f);
}

// Denormal numbers, which the end of a memorization is full of, cost a hundred times a normal one.
struct FlushDenormals {
#if defined(__SSE__)
  const unsigned before = _mm_getcsr();
  FlushDenormals() { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before));
    asm volatile("msr fpcr, %0" ::"r"(before | (uint64_t)1 << 24));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};

template <int... i> INLINE V pair_sums(V a, V b, std::integer_sequence<int, i...>) {
  return SHUFFLE(a, b, (2 * i)...) + SHUFFLE(a, b, (2 * i + 1)...);
}

// Lane i of the result is the sum over the lanes of v[i]; v is overwritten.
INLINE V sums(V* v) {
  UNROLL for (int n = L; n > 1; n /= 2)
    UNROLL for (int i = 0; i < n / 2; i++) v[i] = pair_sums(v[2 * i], v[2 * i + 1], Lanes());
  return v[0];
}

template <int HALF, int... i> INLINE void exchange(V& a, V& b, std::integer_sequence<int, i...>) {
  const V first = SHUFFLE(a, b, (i & HALF ? L + i - HALF : i)...);
  b = SHUFFLE(a, b, (i & HALF ? L + i : i + HALF)...);
  a = first;
}

// L vectors as a square matrix, transposed by swapping halves, then quarters ...
template <int HALF = L / 2> INLINE void transpose(V* v) {
  UNROLL for (int i = 0; i < L; i++)
    if (!(i & HALF)) exchange<HALF>(v[i], v[i + HALF], Lanes());
  if constexpr (HALF > 1) transpose<HALF / 2>(v);
}

// L rows of n features -> n vectors whose lanes are the rows.
static void to_lanes(const float* const* rows, int n, V* out) {
  int f = 0;
  for (; f + L <= n; f += L) {
    V block[L];
    UNROLL for (int i = 0; i < L; i++) block[i] = load(rows[i] + f);
    transpose(block);
    UNROLL for (int i = 0; i < L; i++) out[f + i] = block[i];
  }
  for (; f < n; f++)
    for (int i = 0; i < L; i++) out[f][i] = rows[i][f];
}

// The same of rows that end in whole vectors, to as many vectors as they have numbers.
static void whole_to_lanes(const float* const* rows, int n, V* out) {
  for (int f = 0; f < n; f += L) {
    UNROLL for (int i = 0; i < L; i++) out[f + i] = load(rows[i] + f);
    transpose(out + f);
  }
}

// The way back, for the first `count` lanes; rows end in zeros up to a whole vector.
static void from_lanes(const V* in, int n, int count, float* rows, size_t stride) {
  for (int f = 0; f < n; f += L) {
    V block[L];
    UNROLL for (int i = 0; i < L; i++) block[i] = f + i < n ? in[f + i] : V{};
    transpose(block);
    for (int i = 0; i < count; i++) store(rows + i * stride + f, block[i]);
  }
}

// How a step rounds. In bfloat16 every operand and every result is such a number, as under torch's autocast,
// and sums are taken in float32, which holds any product of two of them exactly.
struct Rounding {
  bool reduced;
  INLINE V operator()(V v) const { return reduced ? bfloat16(v) : v; }
};

// A step. torch's SGD: v = momentum v + (gradient + decay w), w = w - lr v. Or its Adam, where v are means of
// gradients and q means of their squares; decay is in the gradient, or apart from it as in AdamW.
struct Rule {
  float lr, momentum, decay;
  bool adaptive, apart;
  double mean_decay, square_decay;
  float epsilon, size, root, kept;  // of a step: lr and the root of q corrected for their start, what decay leaves

  // rule: momentum, decay, whether it is Adam, whether its decay is apart, decays of the moments, epsilon.
  explicit Rule(const double* rule)
      : lr(0), momentum((float)rule[0]), decay((float)rule[1]), adaptive(rule[2] != 0), apart(rule[3] != 0),
        mean_decay(rule[4]), square_decay(rule[5]), epsilon((float)rule[6]), size(0), root(1), kept(1) {}

  // The rate of the step that is the taken-th, from 1 on.
  void begin(double rate, int64_t taken) {
    lr = (float)rate;
    if (!adaptive) return;
    size = (float)(rate / (1 - std::pow(mean_decay, (double)taken)));
    root = (float)std::sqrt(1 - std::pow(square_decay, (double)taken));
    kept = apart ? (float)(1 - rate * decay) : 1.f;
  }

  INLINE void apply(float* w, float* v, float* q, V gradient) const {
    if (adaptive) return adapt(w, v, q, gradient);
    descend(w, v, gradient);
  }

  INLINE void descend(float* w, float* v, V gradient) const {
    const V weight = load(w), velocity = load(v) * momentum + (gradient + weight * decay);
    store(v, velocity);
    store(w, weight - velocity * lr);
  }

  // Not inline: where it is called, registers are full of sums.
  __attribute__((noinline)) void adapt(float* w, float* v, float* q, V gradient) const {
    V weight = load(w) * kept, mean = load(v), square = load(q);
    if (!apart) gradient += weight * decay;
    mean += (gradient - mean) * (float)(1 - mean_decay);
    square = square * (float)square_decay + gradient * gradient * (float)(1 - square_decay);
    store(v, mean), store(q, square);
    store(w, weight - mean * size / (roots(square) / root + epsilon));
  }
};

// Parameters with what a step moves: velocities, or means of gradients and of their squares.
struct Parameters {
  Floats weights, velocities, squares, rounded;
  void resize(size_t n) { weights.resize(n), velocities.resize(n); }
  void adapt() { squares.values.assign(weights.values.size(), V{}); }
  float* w() { return weights.data(); }
  float* v() { return velocities.data(); }
  float* q() { return squares.values.empty() ? nullptr : squares.data(); }
  // A step of the vector that begins at a place.
  INLINE void step(const Rule& rule, size_t at, V gradient) { rule.apply(w() + at, v() + at, q() + at, gradient); }
  INLINE void descend(const Rule& rule, size_t at, V gradient) { rule.descend(w() + at, v() + at, gradient); }

  // Before the products of a step: their operands are the weights themselves or copies at its precision.
  void prepare(Rounding rounding) {
    if (!rounding.reduced) return;
    rounded.values.resize(weights.values.size());
    for (size_t i = 0; i < weights.values.size(); i++) rounded.values[i] = bfloat16(weights.values[i]);
  }
  // Or their products with a mask.
  void cover(const Floats& mask) {
    rounded.values.resize(weights.values.size());
    for (size_t i = 0; i < weights.values.size(); i++) rounded.values[i] = weights.values[i] * mask.values[i];
  }
  const float* used() const { return rounded.values.empty() ? weights.data() : rounded.data(); }
};
