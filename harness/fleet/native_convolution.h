// A block of unpadded convolution, 2x2 max-pool and ReLU, for groups of L examples: every number below is
// a vector with one example per lane, in the order [channel][row][column].
#pragma once
#include "native_vectors.h"

struct Convolution {
  int channels, outputs, kernel, height, width, has_bias;  // height and width of the input
  int rows, columns, taps;                                 // of the pooled map; weights per output
  Rounding rounding;
  Parameters weights, bias;                                // weights as [channel][ky][kx][output]
  Floats turned;                                           // and as [output][ky][kx][channel]
  Vectors input, gradients, bias_gradients;                // gradients are summed over the lanes last of all
  std::vector<Bytes> winner;  // which position of the pool window won: 0..3, or 4 where ReLU is shut

  Convolution(const int64_t* s, int groups, Rounding rounding)
      : channels(s[0]), outputs(s[1]), kernel(s[2]), height(s[3]), width(s[4]), has_bias(s[5]),
        rows((height - kernel + 1) / 2), columns((width - kernel + 1) / 2), taps(channels * kernel * kernel),
        rounding(rounding) {
    weights.resize((size_t)taps * outputs), bias.resize(outputs), turned.resize((size_t)taps * outputs);
    gradients.resize((size_t)taps * outputs + L), bias_gradients.resize(outputs + L);
    input.resize(groups * in_size()), winner.resize(groups * out_size());
  }

  size_t in_size() const { return (size_t)channels * height * width; }
  size_t out_size() const { return (size_t)outputs * rows * columns; }
  int spread_width() const { return 2 * columns + 2 * (kernel - 1); }
  size_t spread_map() const { return (size_t)2 * rows * spread_width(); }

  void forward(int group, V* out) {
    for (int o = 0; o < outputs;)
      sized<WIDE ? 6 : 2>(outputs - o, [&](auto q) {
        forward_block<decltype(q)::value>(&input[group * in_size()], o, out, &winner[group * out_size()]);
        o += q;
      });
  }

  // Q outputs: the four positions of a pool window are summed side by side and only the winner is stored.
  template <int Q> void forward_block(const V* in, int o, V* out, Bytes* won) {
    for (int y = 0; y < rows; y++)
      for (int x = 0; x < columns; x++) {
        V sum[4][Q] = {};
        const float* w = weights.used() + o;
        for (int c = 0; c < channels; c++)
          for (int ky = 0; ky < kernel; ky++) {
            const V* above = in + ((size_t)c * height + 2 * y + ky) * width + 2 * x;
            const V* below = above + width;
            for (int kx = 0; kx < kernel; kx++, w += outputs) {
              const V a = above[kx], b = above[kx + 1], c = below[kx], d = below[kx + 1];
              UNROLL for (int q = 0; q < Q; q++) {
                const V weight = all(w[q]);
                sum[0][q] += a * weight, sum[1][q] += b * weight;
                sum[2][q] += c * weight, sum[3][q] += d * weight;
              }
            }
          }
        // Rounding makes many values equal, of which the first wins: so it precedes, as the bias precedes it.
        if (rounding.reduced)
          UNROLL for (int q = 0; q < Q; q++)
            UNROLL for (int i = 0; i < 4; i++) sum[i][q] = bfloat16(sum[i][q] + bias.used()[o + q]);
        UNROLL for (int q = 0; q < Q; q++) {
          V best = sum[0][q];
          Mask which = {};
          UNROLL for (int i = 1; i < 4; i++) {
            const Mask more = sum[i][q] > best;
            best = more ? sum[i][q] : best;
            which = more ? Mask{} + i : which;
          }
          if (!rounding.reduced) best += bias.w()[o + q];
          const size_t at = ((size_t)(o + q) * rows + y) * columns + x;
          out[at] = relu(best);
          won[at] = __builtin_convertvector(best > 0 ? which : Mask{} + 4, Bytes);
        }
      }
  }

  // The gradient of the pooled map -> that of the convolution, [output][row][spread_width()]: each value
  // where the maximum was, and kernel - 1 zeros left and right of a row.
  void spread(int group, const V* gradient, V* full) {
    const Bytes* won = &winner[group * out_size()];
    const int stride = spread_width();
    for (int o = 0; o < outputs; o++)
      for (int y = 0; y < rows; y++, full += 2 * stride) {
        std::memset((void*)full, 0, sizeof(V) * 2 * stride);
        V *above = full + kernel - 1, *below = above + stride, total = {};
        for (int x = 0; x < columns; x++) {
          const V value = *gradient++;
          const Mask which = __builtin_convertvector(*won++, Mask);
          above[2 * x] = which == 0 ? value : V{}, above[2 * x + 1] = which == 1 ? value : V{};
          below[2 * x] = which == 2 ? value : V{}, below[2 * x + 1] = which == 3 ? value : V{};
          total += which == 4 ? V{} : value;
        }
        bias_gradients[o] += total;
      }
  }

  void weight_gradients(int group, const V* full) {
    const V* in = &input[group * in_size()];
    const int strip = std::max(1, 6144 / (4 * L * columns));  // rows whose gradients stay in the first cache
    for (int first = 0; first < 2 * rows; first += strip)
      for (int o = 0; o < outputs;)
        sized<WIDE ? 4 : 3>(outputs - o, [&](auto q) {
          constexpr int Q = decltype(q)::value;
          for (int line = 0; line < channels * kernel; line++)  // a row of the kernel of one channel
            for (int kx = 0; kx < kernel;)
              sized<WIDE ? 5 : 3>(kernel - kx, [&](auto x) {
                const size_t start = ((size_t)(line / kernel) * height + line % kernel) * width + kx;
                weight_block<decltype(x)::value, Q>(in + start, full + o * spread_map() + kernel - 1, first,
                                                    std::min(first + strip, 2 * rows),
                                                    &gradients[(size_t)(line * kernel + kx) * outputs + o]);
                kx += x;
              });
          o += q;
        });
  }

  // X taps of a row of the kernel times Q outputs, over some rows of the map.
  template <int X, int Q>
  INLINE void weight_block(const V* in, const V* full, int first, int last, V* sum) const {
    V acc[X][Q];
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) acc[i][q] = sum[i * outputs + q];
    for (int y = first; y < last; y++) {
      const V *source = in + (size_t)y * width, *gradient = full + (size_t)y * spread_width();
      for (int x = 0; x < 2 * columns; x++) {
        V g[Q];
        UNROLL for (int q = 0; q < Q; q++) g[q] = gradient[q * spread_map() + x];
        UNROLL for (int i = 0; i < X; i++)
          UNROLL for (int q = 0; q < Q; q++) acc[i][q] += source[x + i] * g[q];
      }
    }
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) sum[i * outputs + q] = acc[i][q];
  }

  // The gradient of the input; columns that no window reached get zeros, as the sums over nothing.
  void input_gradients(const V* full, V* out) const {
    const int reached = 2 * columns + kernel - 1;
    for (int c = 0; c < channels;)
      sized<WIDE ? 6 : 2>(channels - c, [&](auto q) {
        constexpr int Q = decltype(q)::value;
        for (int y = 0; y < height; y++) {
          V* row = out + ((size_t)c * height + y) * width;
          for (int x = 0; x < reached;)
            sized<4>(reached - x, [&](auto n) {
              input_block<decltype(n)::value, Q>(full, y, x, c, row + x);
              x += n;
            });
          for (int i = 0; i < Q; i++, row += (size_t)height * width)
            std::fill(row + reached, row + width, V{});
        }
        c += q;
      });
  }

  // X columns times Q channels of one row: a convolution of the spread gradient with the turned kernel.
  template <int X, int Q> INLINE void input_block(const V* full, int y, int x, int c, V* out) const {
    V acc[X][Q] = {};
    for (int o = 0; o < outputs; o++)
      for (int ky = std::max(0, y - 2 * rows + 1); ky < kernel && ky <= y; ky++) {
        const V* gradient = full + o * spread_map() + (size_t)(y - ky) * spread_width() + x + kernel - 1;
        const float* w = turned.data() + (size_t)(o * kernel + ky) * kernel * channels + c;
        for (int kx = 0; kx < kernel; kx++, gradient--, w += channels) {
          V g[X];
          UNROLL for (int i = 0; i < X; i++) g[i] = gradient[i];
          UNROLL for (int q = 0; q < Q; q++)
            UNROLL for (int i = 0; i < X; i++) acc[i][q] += g[i] * all(w[q]);
        }
      }
    UNROLL for (int q = 0; q < Q; q++)
      UNROLL for (int i = 0; i < X; i++) out[(size_t)q * height * width + i] = rounding(acc[i][q]);
  }

  void turn() {
    const int square = kernel * kernel;
    for (int tap = 0; tap < taps; tap++)
      for (int o = 0; o < outputs; o++)
        turned.data()[(size_t)(o * square + tap % square) * channels + tap / square] =
            weights.used()[(size_t)tap * outputs + o];
  }

  void prepare() { weights.prepare(rounding), bias.prepare(rounding); }

  void update(const Rule& rule) {
    for (int i = 0; i < taps * outputs; i += L)
      weights.step(rule, i, rounding(sums(&gradients[i])));
    for (int i = 0; has_bias && i < outputs; i += L)
      bias.step(rule, i, rounding(sums(&bias_gradients[i])));
    std::fill(gradients.begin(), gradients.end(), V{});
    std::fill(bias_gradients.begin(), bias_gradients.end(), V{});
  }
};
