// Running moments of batch normalization, and the normalization of rows of features.
#pragma once
#include <cmath>

#include "native_vectors.h"

// What batch normalization keeps of each channel or feature, and how it moves.
struct Moments {
  float epsilon, momentum;
  Floats mean, variance;  // running, for evaluation

  void make(int n, const double* s) {
    epsilon = (float)s[0], momentum = (float)s[1];
    mean.resize(n), variance.resize(n);
  }
  INLINE void learn(int i, double m, double v, double n) {
    mean.data()[i] += momentum * ((float)m - mean.data()[i]);
    variance.data()[i] += momentum * ((float)(v * n / (n - 1)) - variance.data()[i]);
  }
  float scale(double v) const { return (float)(1 / std::sqrt(v + epsilon)); }
};

// Batch normalization of rows, [example][feature], then ReLU; lanes run along the features.
struct NormalizedRows {
  int features = 0;
  size_t stride;
  Moments moments;
  Floats hat, scales;  // normalized rows before ReLU; 1 / deviation of each feature of the last batch

  void make(int n, size_t row, int capacity, const double* s) {
    features = n, stride = row;
    moments.make(n, s), hat.resize(capacity * stride), scales.resize(n);
  }

  template <class F> INLINE V total(int count, F f) const {
    V sum = {};
    for (int b = 0; b < count; b++) sum += f(b);
    return sum;
  }

  void forward(float* rows, int count, bool training) {
    for (int i = 0; i < features; i += L) {
      const auto at = [&](int b) { return load(rows + b * stride + i); };
      V mean = load(moments.mean.data() + i), variance = load(moments.variance.data() + i);
      if (training) {
        mean = total(count, at) / (float)count;
        variance = total(count, [&](int b) { return (at(b) - mean) * (at(b) - mean); }) / (float)count;
      }
      for (int k = 0; k < L && i + k < features; k++) {
        if (training) moments.learn(i + k, mean[k], variance[k], count);
        scales.data()[i + k] = moments.scale(variance[k]);
      }
      const V scale = load(scales.data() + i);
      for (int b = 0; b < count; b++) {
        const V value = (at(b) - mean) * scale;
        store(hat.data() + b * stride + i, value);
        store(rows + b * stride + i, relu(value));
      }
    }
  }

  void backward(float* gradient, int count) const {
    for (int i = 0; i < features; i += L) {
      const auto to = [&](int b) { return load(gradient + b * stride + i); };
      const auto at = [&](int b) { return load(hat.data() + b * stride + i); };
      const V mean = total(count, to) / (float)count;
      const V slope = total(count, [&](int b) { return to(b) * at(b); }) / (float)count;
      const V scale = load(scales.data() + i);
      for (int b = 0; b < count; b++)
        store(gradient + b * stride + i, (to(b) - mean - at(b) * slope) * scale);
    }
  }
};
