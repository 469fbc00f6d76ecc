// Products of matrices of doubles, to the bit those of numpy where OpenBLAS computes them with the instructions
// of AVX2: each number is one chain of fused multiply-adds along the inner axis, begun anew after each block of
// it, and the blocks are added up. That order does not depend on how wide vectors are, so here they are as wide
// as the processor has them; and what follows a product is done to it before it leaves the registers.
#include <algorithm>
#include <cstddef>
#include <vector>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int BYTES = 64, ROWS = 8;
#elif defined(__AVX__)
constexpr int BYTES = 32, ROWS = 4;
#else
constexpr int BYTES = 16, ROWS = 2;
#endif
constexpr ptrdiff_t L = BYTES / sizeof(double);
constexpr int ACROSS = 3;  // vectors: as many sums as ROWS of them have stay in registers
constexpr ptrdiff_t BLOCK = 256, UNROLLED = 4;  // OpenBLAS's DGEMM_DEFAULT_Q and DGEMM_UNROLL_M for Haswell

typedef double V __attribute__((vector_size(BYTES), aligned(8), may_alias));

// The first fields of an array and of its type as numpy's C API has them (PyArrayObject_fields, PyArray_Descr),
// where objects begin with two words.
struct Type {
  ptrdiff_t object[2];
  const void* scalar;
  char kind, letter, order;
};

struct Array {
  ptrdiff_t object[2];
  double* data;
  int axes;
  const ptrdiff_t *sizes, *strides;  // strides are in bytes
  const void* owner;
  const Type* type;

  bool doubles(int asked) const { return axes == asked && type->letter == 'd' && type->order == '='; }
};

struct Matrix {
  double* at;
  ptrdiff_t rows, columns, down, along;

  explicit Matrix(const Array* a)
      : at(a->data), rows(a->sizes[0]), columns(a->sizes[1]), down(a->strides[0] / ptrdiff_t(sizeof(double))),
        along(a->strides[1] / ptrdiff_t(sizeof(double))) {
    if (rows == 1) down = columns;
    if (columns == 1) along = rows;
  }

  // Whether rows, or columns, lie one after the other without overlap, as BLAS takes matrices.
  bool lies() const { return (along == 1 && down >= columns) || (down == 1 && along >= rows); }
};

// What becomes of a product before it is stored: it is added to what is there, then comes a bias for each
// column, then ReLU, and last it is kept where a gate is positive.
struct Then {
  bool added;
  const double* bias;
  bool relu;
  const double* gate;
  ptrdiff_t down;  // from a row of the gate to the next
};

// How much of the inner axis is summed up before the next block begins, as in OpenBLAS's driver/level3/level3.c.
static ptrdiff_t block_of(ptrdiff_t left) {
  if (left >= 2 * BLOCK) return BLOCK;
  return left > BLOCK ? (left / 2 + UNROLLED - 1) / UNROLLED * UNROLLED : left;
}

// A row's numbers from here on, up to a vector of them.
static inline V read(const double* from, ptrdiff_t count) {
  if (count >= L) return *(const V*)from;
#ifdef __AVX512F__
  return _mm512_maskz_loadu_pd((1u << count) - 1, from);
#else
  V v{};
  for (ptrdiff_t j = 0; j < count; j++) v[j] = from[j];
  return v;
#endif
}

static inline void write(double* to, V v, ptrdiff_t count) {
  if (count >= L) {
    *(V*)to = v;
    return;
  }
#ifdef __AVX512F__
  _mm512_mask_storeu_pd(to, (1u << count) - 1, v);
#else
  for (ptrdiff_t j = 0; j < count; j++) to[j] = v[j];
#endif
}

// A block of rows, ``width`` columns from ``first`` on, in rows of N vectors that end in zeros.
template <int N> static void pack(const Matrix& b, ptrdiff_t begin, ptrdiff_t block, ptrdiff_t first,
                                  ptrdiff_t width, double* packed) {
  const double* from = b.at + begin * b.down + first * b.along;
  if (width < N * L) std::fill(packed, packed + block * N * L, 0.0);
  if (b.along == 1) {
    for (ptrdiff_t k = 0; k < block; k++) std::copy(from + k * b.down, from + k * b.down + width, packed + k * N * L);
  } else {
    for (ptrdiff_t j = 0; j < width; j++)
      for (ptrdiff_t k = 0; k < block; k++) packed[k * N * L + j] = from[j * b.along + k * b.down];
  }
}

// The sums of a vector of columns from j on in row i, of which ``count`` are there: added to those of earlier blocks, and
// after the last one, with what becomes of them.
static inline void store(double* to, V sums, bool begun, const Then* then, ptrdiff_t i, ptrdiff_t j,
                         ptrdiff_t count) {
  V value = (begun ? read(to, count) : V{}) + sums;
  if (then) {
    if (then->added) value = read(to, count) + value;
    if (then->bias) value += read(then->bias + j, count);
    if (then->relu) value = value > V{} || value != value ? value : V{};
    if (then->gate) value *= read(then->gate + i * then->down + j, count) > V{} ? V{} + 1 : V{};
  }
  write(to, value, count);
}

// N vectors of columns of a product, from ``first`` on; the last may reach over the end.
template <int N> static void panel(const Matrix& a, const Matrix& b, const Matrix& out, const Then& then,
                                   ptrdiff_t first, double* packed) {
  const ptrdiff_t width = std::min(N * L, out.columns - first);
  for (ptrdiff_t begin = 0, block; begin < a.columns; begin += block) {
    block = block_of(a.columns - begin);
    const bool last = begin + block == a.columns;
    pack<N>(b, begin, block, first, width, packed);
    for (ptrdiff_t i = 0; i < out.rows; i += ROWS) {
      const double* rows[ROWS];
      for (int r = 0; r < ROWS; r++) rows[r] = a.at + std::min(i + r, out.rows - 1) * a.down + begin * a.along;
      V sums[ROWS][N] = {};
      for (ptrdiff_t k = 0; k < block; k++) {
        V across[N];
        for (int v = 0; v < N; v++) across[v] = *(const V*)(packed + (k * N + v) * L);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
          for (int v = 0; v < N; v++) sums[r][v] += rows[r][k * a.along] * across[v];
      }
#pragma GCC unroll 8
      for (int r = 0; r < ROWS; r++) {
        if (i + r >= out.rows) break;
        double* to = out.at + (i + r) * out.down + first;
#pragma GCC unroll 3
        for (int v = 0; v < N; v++)
          store(to + v * L, sums[r][v], begin > 0, last ? &then : nullptr, i + r, first + v * L, width - v * L);
      }
    }
  }
}

extern "C" {

// What is done to a product, as native_products.py says it.
enum { ADDED = 1, BIASED = 2, RECTIFIED = 4, GATED = 8 };

// out = a b and what follows; 0 if it would not be, or may not be, what numpy computes.
int native_product(const Array* left, const Array* right, const Array* to, const Array* bias, const Array* gate,
                   int asked) {
  if (!left->doubles(2) || !right->doubles(2) || !to->doubles(2)) return 0;
  const Matrix a(left), b(right), out(to);
  if (a.columns != b.rows || out.rows != a.rows || out.columns != b.columns || out.along != 1) return 0;
  // others are summed up otherwise: the last of an odd number of rows, vectors, and a matrix times its transpose
  if (out.rows % 2 || !out.rows || out.columns < 2 || !a.columns || !a.lies() || !b.lies() || a.at == b.at) return 0;
  if (asked & ADDED && a.columns > BLOCK) return 0;
  Then then{(asked & ADDED) != 0, nullptr, (asked & RECTIFIED) != 0, nullptr, 0};
  if (asked & BIASED) {
    if (!bias->doubles(1) || bias->sizes[0] != out.columns || bias->strides[0] != sizeof(double)) return 0;
    then.bias = bias->data;
  }
  if (asked & GATED) {
    if (!gate->doubles(2) || gate->sizes[0] != out.rows || gate->sizes[1] != out.columns) return 0;
    if (gate->strides[1] != sizeof(double)) return 0;
    then.gate = gate->data, then.down = gate->strides[0] / ptrdiff_t(sizeof(double));
  }
  static thread_local std::vector<double> packed(BLOCK * ACROSS * L);
  for (ptrdiff_t first = 0; first < out.columns;) {
    const ptrdiff_t left_over = out.columns - first;
    if (left_over > 2 * L) panel<3>(a, b, out, then, first, packed.data()), first += 3 * L;
    else if (left_over > L) panel<2>(a, b, out, then, first, packed.data()), first += 2 * L;
    else panel<1>(a, b, out, then, first, packed.data()), first += L;
  }
  return 1;
}

// The sums of columns, one row after the other; 0 where numpy adds up in another order, or may.
int native_sums(const Array* values, const Array* to) {
  if (!values->doubles(2) || !to->doubles(1)) return 0;
  const Matrix a(values);
  if (a.along != 1 || a.columns < 2 || !a.rows) return 0;
  if (to->sizes[0] != a.columns || to->strides[0] != sizeof(double)) return 0;
  for (ptrdiff_t j = 0; j < a.columns; j += L) {
    const ptrdiff_t count = a.columns - j;
    V sum{};
    for (ptrdiff_t i = 0; i < a.rows; i++) sum += read(a.at + i * a.down + j, count);
    write(to->data + j, sum, count);
  }
  return 1;
}
}
