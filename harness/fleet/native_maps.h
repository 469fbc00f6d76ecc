// Convolutional nets of any shape: stages that turn maps into maps, each for a whole batch, since batch
// normalization needs all of it. Every number is a vector with one example per lane, in the order
// [group of L examples][channel][row][column]. Lanes beyond the last example repeat it; their gradient is 0.
#pragma once
#include <limits>
#include <memory>

#include "native_moments.h"

// 1 / sqrt(x) for x > 0: three steps of Newton's from a guess by the exponent, relative error about 1e-7.
INLINE V inverse_root(V x) {
  V y = (V)(0x5f3759df - ((Mask)x >> 1));
  UNROLL for (int i = 0; i < 3; i++) y = y * (1.5f - 0.5f * x * y * y);
  return y;
}

struct Batch {
  int count, groups;
  bool training;
  Mask last = {};  // which lanes of the last group have an example
  explicit Batch(int count, bool training) : count(count), groups((int)vectors(count)), training(training) {
    for (int i = 0; i < count - (groups - 1) * L; i++) last[i] = -1;
  }

  // v where there is an example, 0 in the lanes beyond the last one.
  INLINE V examples(int group, V v) const {
    return count - group * L >= L ? v : (V)((Mask)v & last);
  }
};

struct Maps {
  int channels = 0, height = 0, width = 0;
  Vectors values, gradients;
  void make(int c, int h, int w, int groups) {
    channels = c, height = h, width = w;
    values.resize(groups * size()), gradients.resize(groups * size());
  }
  size_t map() const { return (size_t)height * width; }
  size_t size() const { return channels * map(); }
  V* at(int group, int channel = 0) { return &values[group * size() + channel * map()]; }
  V* gradient(int group, int channel = 0) { return &gradients[group * size() + channel * map()]; }
};

// One stage: what it reads, whether that has a gradient, and what it makes.
struct Stage {
  Maps& in;
  const bool passes;
  Maps out;
  Stage(Maps& in, bool passes) : in(in), passes(passes) {}
  virtual ~Stage() = default;
  virtual void prepare() {}
  virtual void forward(const Batch& batch) = 0;
  virtual void backward(const Batch& batch) = 0;  // adds to the gradients of what it reads
  virtual void update(const Rule&) {}
};

// Windows that slide over maps: out[o][y][x] gets the sum over c, ky and kx of
// in[c][stride y + ky][stride x + kx] times weights[c][ky][kx][o].
struct Windows {
  int channels, kernel, stride;
  size_t row, map;  // vectors from a row, and from a channel, of `in` to the next one
  int rows, columns, outputs;

  // Sums begin with the bias of their output or, where there is none, with what is there.
  void slide(const V* in, const float* weights, const float* bias, V* out) const {
    for (int o = 0; o < outputs;)
      sized<WIDE ? 6 : 2>(outputs - o, [&](auto q) {
        for (int y = 0; y < rows; y++)
          for (int x = 0; x < columns;)
            sized<4>(columns - x, [&](auto n) {
              V* at = out + ((size_t)o * rows + y) * columns + x;
              block<decltype(n)::value, decltype(q)::value>(
                  in + y * stride * row + x * stride, weights + o, bias ? bias + o : nullptr, at);
              x += n;
            });
        o += q;
      });
  }

  template <int X, int Q> INLINE void block(const V* in, const float* w, const float* bias, V* out) const {
    V acc[X][Q];
    const size_t apart = (size_t)rows * columns;
    UNROLL for (int q = 0; q < Q; q++)
      UNROLL for (int i = 0; i < X; i++) acc[i][q] = bias ? all(bias[q]) : out[q * apart + i];
    for (int c = 0; c < channels; c++)
      for (int ky = 0; ky < kernel; ky++) {
        const V* source = in + c * map + ky * row;
        TWO_AT_ONCE for (int kx = 0; kx < kernel; kx++, source++, w += outputs) {
          V x[X];
          UNROLL for (int i = 0; i < X; i++) x[i] = source[i * stride];
          UNROLL for (int q = 0; q < Q; q++)
            UNROLL for (int i = 0; i < X; i++) acc[i][q] += x[i] * all(w[q]);
        }
      }
    UNROLL for (int q = 0; q < Q; q++)
      UNROLL for (int i = 0; i < X; i++) out[q * apart + i] = acc[i][q];
  }
};

// A square convolution with zeros around its maps.
struct Convolve : Stage {
  const int kernel, stride, padding, outputs, has_bias;
  const bool flat;  // one weight per channel and pixel: rows need not be told apart
  int taps;
  Parameters weights, bias;  // weights as [channel][ky][kx][output]
  Floats turned;             // and as [output][ky][kx][channel], windows turned by half a circle
  Vectors padded, spread;    // inputs of all groups; output gradients of one group, set apart by the stride
  Vectors sums_of_taps, sums_of_outputs;
  size_t row, map, spread_row, spread_map;

  Convolve(Maps& in, bool passes, const int64_t* s, int groups)
      : Stage(in, passes), kernel(s[0]), stride(s[1]), padding(s[2]), outputs(s[3]), has_bias(s[4]),
        flat(kernel == 1 && stride == 1 && padding == 0), taps(in.channels * kernel * kernel) {
    const int rows = (in.height + 2 * padding - kernel) / stride + 1;
    const int columns = (in.width + 2 * padding - kernel) / stride + 1;
    out.make(outputs, rows, columns, groups);
    row = in.width + 2 * padding, map = row * (in.height + 2 * padding);
    if (padding) padded.resize(groups * in.channels * map);
    spread_row = std::max(in.width + padding + kernel - 1, (columns - 1) * stride + kernel);
    spread_map = spread_row * std::max(in.height + padding + kernel - 1, (rows - 1) * stride + kernel);
    if (!flat && passes) spread.resize(outputs * spread_map);
    weights.resize((size_t)taps * outputs), turned.resize((size_t)taps * outputs), bias.resize(outputs);
    sums_of_taps.resize((size_t)taps * outputs + L), sums_of_outputs.resize(outputs + L);
  }

  const V* source(int group) { return padding ? &padded[group * in.channels * map] : in.at(group); }

  Windows forth() const {
    if (flat) return {in.channels, 1, 1, map, map, 1, (int)map, outputs};
    return {in.channels, kernel, stride, row, map, out.height, out.width, outputs};
  }

  Windows back() const {
    if (flat) return {outputs, 1, 1, map, map, 1, (int)map, in.channels};
    return {outputs, kernel, 1, spread_row, spread_map, in.height, in.width, in.channels};
  }

  void forward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++) {
      for (int c = 0; padding && c < in.channels; c++)
        for (int y = 0; y < in.height; y++)
          std::copy_n(in.at(g, c) + y * in.width, in.width,
                      &padded[(g * in.channels + c) * map + (y + padding) * row + padding]);
      forth().slide(source(g), weights.w(), bias.w(), out.at(g));
    }
  }

  void backward(const Batch& batch) override {
    for (int o = 0; o < outputs;)
      sized<4>(outputs - o, [&](auto q) {
        tap_sums<decltype(q)::value>(batch, o);
        o += q;
      });
    for (int g = 0; g < batch.groups; g++) {
      for (int o = 0; o < outputs; o++) {
        const V* gradient = out.gradient(g, o);
        V sum = sums_of_outputs[o];
        for (size_t i = 0; i < out.map(); i++) sum += gradient[i];
        sums_of_outputs[o] = sum;
      }
      if (passes) pass(g);
    }
  }

  // Sums over the batch of input times output gradient for Q outputs and every weight of theirs.
  template <int Q> void tap_sums(const Batch& batch, int o) {
    const bool single = kernel == 1;  // then several channels stand side by side, else a row of the window
    const int lines = single ? 1 : in.channels * kernel, length = single ? in.channels : kernel;
    for (int line = 0; line < lines; line++)
      for (int k = 0; k < length;)
        sized<WIDE ? 5 : 2>(length - k, [&](auto n) {
          const size_t start = single ? k * map : line / kernel * map + line % kernel * row + k;
          tap_block<decltype(n)::value, Q>(batch, o, start, single ? map : 1,
                                           &sums_of_taps[(size_t)(line * length + k) * outputs + o]);
          k += n;
        });
  }

  template <int X, int Q>
  INLINE void tap_block(const Batch& batch, int o, size_t start, size_t apart, V* sum) {
    V acc[X][Q] = {};
    for (int g = 0; g < batch.groups; g++) {
      const V *x = source(g) + start, *gradient = out.gradient(g, o);
      for (int y = 0; y < out.height; y++)
        TWO_AT_ONCE for (int c = 0; c < out.width; c++, gradient++) {
          const V* at = x + y * stride * row + c * stride;
          V to[Q];
          UNROLL for (int q = 0; q < Q; q++) to[q] = gradient[q * out.map()];
          UNROLL for (int i = 0; i < X; i++)
            UNROLL for (int q = 0; q < Q; q++) acc[i][q] += at[i * apart] * to[q];
        }
    }
    UNROLL for (int i = 0; i < X; i++) UNROLL for (int q = 0; q < Q; q++) sum[i * outputs + q] = acc[i][q];
  }

  void pass(int group) {
    const V* gradient = out.gradient(group);
    if (!flat) {
      for (int o = 0; o < outputs; o++)
        for (int y = 0; y < out.height; y++) {
          V* to = &spread[o * spread_map + (kernel - 1 + y * stride) * spread_row + kernel - 1];
          for (int x = 0; x < out.width; x++) to[x * stride] = *gradient++;
        }
      gradient = &spread[padding * spread_row + padding];
    }
    back().slide(gradient, turned.data(), nullptr, in.gradient(group));
  }

  void prepare() override {
    const int square = kernel * kernel;
    for (int tap = 0; passes && tap < taps; tap++)
      for (int o = 0; o < outputs; o++)
        turned.data()[(size_t)(o * square + square - 1 - tap % square) * in.channels + tap / square] =
            weights.w()[(size_t)tap * outputs + o];
  }

  void update(const Rule& rule) override {
    for (int i = 0; i < taps * outputs; i += L)
      weights.step(rule, i, sums(&sums_of_taps[i]));
    for (int i = 0; has_bias && i < outputs; i += L)
      bias.step(rule, i, sums(&sums_of_outputs[i]));
    std::fill(sums_of_outputs.begin(), sums_of_outputs.end(), V{});
  }
};

// Batch normalization without gain and offset.
struct Normalize : Stage {
  Moments moments;
  std::vector<float> scales;  // 1 / deviation of each channel of the last batch

  Normalize(Maps& in, bool passes, const double* s, int groups) : Stage(in, passes), scales(in.channels) {
    out.make(in.channels, in.height, in.width, groups), moments.make(in.channels, s);
  }

  // The sum over all examples of f(group, place in the map).
  template <class F> INLINE double total(const Batch& batch, F f) const {
    double total = 0;
    for (int g = 0; g < batch.groups; g++) {
      V sum = {};
      for (size_t i = 0; i < in.map(); i++) sum += f(g, i);
      sum = batch.examples(g, sum);
      for (int i = 0; i < L; i++) total += sum[i];
    }
    return total;
  }

  void forward(const Batch& batch) override {
    const double n = (double)batch.count * in.map();
    for (int c = 0; c < in.channels; c++) {
      double mean = moments.mean.data()[c], variance = moments.variance.data()[c];
      if (batch.training) {
        mean = total(batch, [&](int g, size_t i) { return in.at(g, c)[i]; }) / n;
        const V middle = all((float)mean);
        variance = total(batch, [&](int g, size_t i) {
                     const V off = in.at(g, c)[i] - middle;
                     return off * off;
                   }) / n;
        moments.learn(c, mean, variance, n);
      }
      scales[c] = moments.scale(variance);
      const V middle = all((float)mean), scale = all(scales[c]);
      for (int g = 0; g < batch.groups; g++)
        for (size_t i = 0; i < in.map(); i++) out.at(g, c)[i] = (in.at(g, c)[i] - middle) * scale;
    }
  }

  void backward(const Batch& batch) override {
    const double n = (double)batch.count * in.map();
    for (int c = 0; passes && c < in.channels; c++) {
      const double sum = total(batch, [&](int g, size_t i) { return out.gradient(g, c)[i]; });
      const double along =
          total(batch, [&](int g, size_t i) { return out.gradient(g, c)[i] * out.at(g, c)[i]; });
      const V mean = all((float)(sum / n)), slope = all((float)(along / n)), scale = all(scales[c]);
      for (int g = 0; g < batch.groups; g++)
        for (size_t i = 0; i < in.map(); i++) {
          const V off = out.gradient(g, c)[i] - mean - out.at(g, c)[i] * slope;
          in.gradient(g, c)[i] += batch.examples(g, off * scale);
        }
    }
  }
};

// The largest of a square window, the first of equals; windows may overlap, and reach over the edge.
struct Pool : Stage {
  const int kernel, stride, padding;
  std::vector<Bytes> winner;  // its place in the window, row by row

  Pool(Maps& in, bool passes, const int64_t* s, int groups)
      : Stage(in, passes), kernel(s[0]), stride(s[1]), padding(s[2]) {
    const int rows = (in.height + 2 * padding - kernel) / stride + 1;
    out.make(in.channels, rows, (in.width + 2 * padding - kernel) / stride + 1, groups);
    winner.resize(groups * out.size());
  }

  // f(place in the window, place in the map) for the places of a window that lie in the map.
  template <class F> INLINE void places(int y, int x, F f) const {
    for (int ky = 0; ky < kernel; ky++)
      for (int kx = 0; kx < kernel; kx++) {
        const int row = y * stride + ky - padding, column = x * stride + kx - padding;
        if (row >= 0 && row < in.height && column >= 0 && column < in.width)
          f(ky * kernel + kx, (size_t)row * in.width + column);
      }
  }

  void forward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++)
      for (int c = 0; c < in.channels; c++) {
        const V* source = in.at(g, c);
        for (int y = 0; y < out.height; y++)
          for (int x = 0; x < out.width; x++) {
            V best = all(-std::numeric_limits<float>::infinity());
            Mask which = {};
            places(y, x, [&](int k, size_t i) {
              const Mask more = (source[i] > best) | (source[i] != source[i]);  // NaN stays
              best = more ? source[i] : best;
              which = more ? Mask{} + k : which;
            });
            const size_t at = (size_t)y * out.width + x;
            out.at(g, c)[at] = best;
            winner[g * out.size() + c * out.map() + at] = __builtin_convertvector(which, Bytes);
          }
      }
  }

  void backward(const Batch& batch) override {
    for (int g = 0; passes && g < batch.groups; g++)
      for (int c = 0; c < in.channels; c++) {
        const V* gradient = out.gradient(g, c);
        const Bytes* won = &winner[g * out.size() + c * out.map()];
        V* to = in.gradient(g, c);
        for (int y = 0; y < out.height; y++)
          for (int x = 0; x < out.width; x++, gradient++, won++) {
            const Mask which = __builtin_convertvector(*won, Mask);
            places(y, x, [&](int k, size_t i) { to[i] += which == k ? *gradient : V{}; });
          }
      }
  }
};

struct Rectify : Stage {
  Rectify(Maps& in, bool passes, int groups) : Stage(in, passes) {
    out.make(in.channels, in.height, in.width, groups);
  }
  void forward(const Batch& batch) override {
    for (size_t i = 0; i < batch.groups * in.size(); i++) out.values[i] = relu(in.values[i]);
  }
  void backward(const Batch& batch) override {
    for (size_t i = 0; passes && i < batch.groups * in.size(); i++)
      in.gradients[i] += out.values[i] > 0 ? out.gradients[i] : V{};
  }
};

// Local response normalization: y = x s^(-3/4), where s = k + alpha times the sum of the squares of the
// channels at most `reach` away.
struct Respond : Stage {
  const int reach;
  const float k, alpha;
  Vectors s, factor, spent;  // of all groups; of one pixel

  Respond(Maps& in, bool passes, const int64_t* spec, const double* reals, int groups)
      : Stage(in, passes), reach(spec[0]), k((float)reals[0]), alpha((float)reals[1]), spent(in.channels) {
    out.make(in.channels, in.height, in.width, groups);
    s.resize(out.values.size()), factor.resize(out.values.size());
  }

  // The sum of the numbers of the channels near c, each `apart` from the next.
  INLINE V near(const V* of, int c) const {
    V sum = {};
    for (int j = std::max(0, c - reach); j <= std::min(in.channels - 1, c + reach); j++) sum += of[j];
    return sum;
  }

  void forward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++)
      for (size_t i = 0; i < in.map(); i++) {
        for (int c = 0; c < in.channels; c++) spent[c] = in.at(g, c)[i] * in.at(g, c)[i];
        for (int c = 0; c < in.channels; c++) {
          const size_t at = g * in.size() + c * in.map() + i;
          s[at] = k + alpha * near(spent.data(), c);
          const V root = inverse_root(s[at]);
          factor[at] = root * inverse_root(s[at] * root);
          out.values[at] = in.values[at] * factor[at];
        }
      }
  }

  void backward(const Batch& batch) override {
    for (int g = 0; passes && g < batch.groups; g++)
      for (size_t i = 0; i < in.map(); i++) {
        for (int c = 0; c < in.channels; c++) {
          const size_t at = g * in.size() + c * in.map() + i;
          spent[c] = out.gradients[at] * out.values[at] / s[at];
        }
        for (int c = 0; c < in.channels; c++) {
          const size_t at = g * in.size() + c * in.map() + i;
          in.gradients[at] +=
              out.gradients[at] * factor[at] - 1.5f * alpha * in.values[at] * near(spent.data(), c);
        }
      }
  }
};

// Two maps of one size, their channels one after the other.
struct Join : Stage {
  Maps& other;
  const bool other_passes;
  Join(Maps& in, bool passes, Maps& other, bool other_passes, int groups)
      : Stage(in, passes), other(other), other_passes(other_passes) {
    out.make(in.channels + other.channels, in.height, in.width, groups);
  }
  void forward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++) {
      std::copy_n(in.at(g), in.size(), out.at(g));
      std::copy_n(other.at(g), other.size(), out.at(g, in.channels));
    }
  }
  void backward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++) {
      for (size_t i = 0; passes && i < in.size(); i++) in.gradient(g)[i] += out.gradient(g)[i];
      for (size_t i = 0; other_passes && i < other.size(); i++)
        other.gradient(g)[i] += out.gradient(g, in.channels)[i];
    }
  }
};

// The mean of each map.
struct Average : Stage {
  Average(Maps& in, bool passes, int groups) : Stage(in, passes) { out.make(in.channels, 1, 1, groups); }
  void forward(const Batch& batch) override {
    for (int g = 0; g < batch.groups; g++)
      for (int c = 0; c < in.channels; c++) {
        V sum = {};
        for (size_t i = 0; i < in.map(); i++) sum += in.at(g, c)[i];
        *out.at(g, c) = sum / (float)in.map();
      }
  }
  void backward(const Batch& batch) override {
    for (int g = 0; passes && g < batch.groups; g++)
      for (int c = 0; c < in.channels; c++)
        for (size_t i = 0; i < in.map(); i++) in.gradient(g, c)[i] += *out.gradient(g, c) / (float)in.map();
  }
};

// The stages of a net, from its images to the numbers of the first dense layer.
struct Graph {
  enum Kind { CONVOLVE, NORMALIZE, POOL, RECTIFY, RESPOND, JOIN, AVERAGE };  // native_graphs.py counts alike
  static constexpr int INTEGERS = 8, REALS = 2;                              // of each stage
  Maps images;
  std::vector<std::unique_ptr<Stage>> stages;

  // spec: channels, height and width of an image; then of each stage its kind, the numbers of what it reads
  // and of what it joins to that (0 for the images, i for the i-th stage, from 1 on), and its integers.
  void make(const int64_t* spec, const double* reals, int count, int groups) {
    if (!count) return;
    images.make(spec[0], spec[1], spec[2], groups);
    spec += 3;
    for (int i = 0; i < count; i++, spec += INTEGERS, reals += REALS) {
      Maps &in = maps(spec[1]), &other = maps(spec[2]);
      const bool passes = spec[1] != 0, other_passes = spec[2] != 0;
      const int64_t* s = spec + 3;
      if (spec[0] == CONVOLVE) add<Convolve>(in, passes, s, groups);
      if (spec[0] == NORMALIZE) add<Normalize>(in, passes, reals, groups);
      if (spec[0] == POOL) add<Pool>(in, passes, s, groups);
      if (spec[0] == RECTIFY) add<Rectify>(in, passes, groups);
      if (spec[0] == RESPOND) add<Respond>(in, passes, s, reals, groups);
      if (spec[0] == JOIN) add<Join>(in, passes, other, other_passes, groups);
      if (spec[0] == AVERAGE) add<Average>(in, passes, groups);
    }
  }

  template <class S, class... A> void add(A&&... arguments) {
    stages.push_back(std::make_unique<S>(std::forward<A>(arguments)...));
  }
  Maps& maps(int64_t number) { return number ? stages[number - 1]->out : images; }
  Maps& last() { return stages.back()->out; }

  void prepare() {
    for (auto& stage : stages) stage->prepare();
  }
  void forward(const Batch& batch) {
    for (auto& stage : stages) stage->forward(batch);
  }
  void backward(const Batch& batch) {
    for (auto& stage : stages)
      if (stage != stages.back()) std::fill_n(stage->out.gradients.data(), batch.groups * stage->out.size(), V{});
    for (size_t i = stages.size(); i-- > 0;) stages[i]->backward(batch);
  }
  void update(const Rule& rule) {
    for (auto& stage : stages) stage->update(rule);
  }

  template <class F> void each(F f) {
    for (auto& stage : stages)
      if (auto* c = dynamic_cast<Convolve*>(stage.get())) {
        f(c->weights, c->outputs, c->taps, 1, c->outputs);
        if (c->has_bias) f(c->bias, 1, c->outputs, 0, 1);
      }
  }
  template <class F> void each_buffer(F f) {
    for (auto& stage : stages)
      if (auto* n = dynamic_cast<Normalize*>(stage.get()))
        f(n->moments.mean.data(), 1, n->in.channels, 0), f(n->moments.variance.data(), 1, n->in.channels, 0);
  }
};
