"""The papers as values; a claim cites one of them."""

from __future__ import annotations

from harness.spec.claim import Paper

ZHANG2017 = Paper(
    key="ZHANG2017",
    authors="Chiyuan Zhang, Samy Bengio, Moritz Hardt, Benjamin Recht, Oriol Vinyals",
    title="Understanding deep learning requires rethinking generalization",
    venue="ICLR 2017, arXiv 1611.03530",
    year=2017,
    url="https://arxiv.org/abs/1611.03530",
)

EPFL = Paper(
    key="EPFL",
    authors="Wang, Wang, Wang",
    title="Reproduction of Understanding Deep Learning Requires Rethinking Generalization",
    venue="EPFL, project report of the course EE-411",
    year=None,
    url="https://github.com/Bohan7/Reproduction-of-Understanding-Deep-Learning-Requires-Rethinking-Generalization",
)

NGUYEN2019 = Paper(
    key="NGUYEN2019",
    authors="Quynh Nguyen",
    title="On connected sublevel sets in deep learning",
    venue="ICML 2019, arXiv 1901.07417",
    year=2019,
    url="https://arxiv.org/abs/1901.07417",
)

NGUYEN2021 = Paper(
    key="NGUYEN2021",
    authors="Quynh Nguyen",
    title="A note on connectivity of sublevel sets in deep learning",
    venue="arXiv 2101.08576",
    year=2021,
    url="https://arxiv.org/abs/2101.08576",
)

GARIPOV2018 = Paper(
    key="GARIPOV2018",
    authors="Timur Garipov, Pavel Izmailov, Dmitrii Podoprikhin, Dmitry Vetrov, Andrew Gordon Wilson",
    title="Loss surfaces, mode connectivity, and fast ensembling of DNNs",
    venue="NeurIPS 2018, arXiv 1802.10026",
    year=2018,
    url="https://arxiv.org/abs/1802.10026",
)

DRAXLER2018 = Paper(
    key="DRAXLER2018",
    authors="Felix Draxler, Kambis Veschgini, Manfred Salmhofer, Fred Hamprecht",
    title="Essentially no barriers in neural network energy landscape",
    venue="ICML 2018, arXiv 1803.00885",
    year=2018,
    url="https://arxiv.org/abs/1803.00885",
)

SANTURKAR2018 = Paper(
    key="SANTURKAR2018",
    authors="Shibani Santurkar, Dimitris Tsipras, Andrew Ilyas, Aleksander Madry",
    title="How does batch normalization help optimization?",
    venue="NeurIPS 2018, arXiv 1805.11604",
    year=2018,
    url="https://arxiv.org/abs/1805.11604",
)

BLIER2018 = Paper(
    key="BLIER2018",
    authors="Léonard Blier, Yann Ollivier",
    title="The description length of deep learning models",
    venue="NeurIPS 2018, arXiv 1802.07044",
    year=2018,
    url="https://arxiv.org/abs/1802.07044",
)

ARPIT2017 = Paper(
    key="ARPIT2017",
    authors="Devansh Arpit, Stanisław Jastrzębski, Nicolas Ballas, David Krueger, Emmanuel Bengio, "
    "Maxinder Kanwal, Tegan Maharaj, Asja Fischer, Aaron Courville, Yoshua Bengio, Simon Lacoste-Julien",
    title="A closer look at memorization in deep networks",
    venue="ICML 2017, arXiv 1706.05394",
    year=2017,
    url="https://arxiv.org/abs/1706.05394",
)

ZHANG2022 = Paper(
    key="ZHANG2022",
    authors="Chiyuan Zhang, Samy Bengio, Yoram Singer",
    title="Are all layers created equal?",
    venue="JMLR 23 (2022), arXiv 1902.01996",
    year=2022,
    url="https://arxiv.org/abs/1902.01996",
)

BELKIN2019 = Paper(
    key="BELKIN2019",
    authors="Mikhail Belkin, Daniel Hsu, Siyuan Ma, Soumik Mandal",
    title="Reconciling modern machine-learning practice and the classical bias-variance trade-off",
    venue="PNAS 116(32), 2019, arXiv 1812.11118",
    year=2019,
    url="https://arxiv.org/abs/1812.11118",
)

HASTIE2019 = Paper(
    key="HASTIE2019",
    authors="Trevor Hastie, Andrea Montanari, Saharon Rosset, Ryan J. Tibshirani",
    title="Surprises in High-Dimensional Ridgeless Least Squares Interpolation",
    venue="Annals of Statistics 50(2), 2022, arXiv 1903.08560",
    year=2019,
    url="https://arxiv.org/abs/1903.08560",
)

BHX2019 = Paper(
    key="BHX2019",
    authors="Mikhail Belkin, Daniel Hsu, Ji Xu",
    title="Two models of double descent for weak features",
    venue="SIAM Journal on Mathematics of Data Science 2(4), 2020, arXiv 1903.07571",
    year=2019,
    url="https://arxiv.org/abs/1903.07571",
)

NAKKIRAN2019 = Paper(
    key="NAKKIRAN2019",
    authors="Preetum Nakkiran",
    title="More Data Can Hurt for Linear Regression: Sample-wise Double Descent",
    venue="arXiv 1912.07242",
    year=2019,
    url="https://arxiv.org/abs/1912.07242",
)

NAKKIRAN2021 = Paper(
    key="NAKKIRAN2021",
    authors="Preetum Nakkiran, Prayaag Venkat, Sham Kakade, Tengyu Ma",
    title="Optimal Regularization Can Mitigate Double Descent",
    venue="ICLR 2021, arXiv 2003.01897",
    year=2021,
    url="https://arxiv.org/abs/2003.01897",
)

MEI2019 = Paper(
    key="MEI2019",
    authors="Song Mei, Andrea Montanari",
    title="The generalization error of random features regression: Precise asymptotics and double descent "
    "curve",
    venue="Communications on Pure and Applied Mathematics 75(4), 2022, arXiv 1908.05355",
    year=2019,
    url="https://arxiv.org/abs/1908.05355",
)

NEAL2018 = Paper(
    key="NEAL2018",
    authors="Brady Neal, Sarthak Mittal, Aristide Baratin, Vinayak Tantia, Matthew Scicluna, "
    "Simon Lacoste-Julien, Ioannis Mitliagkas",
    title="A Modern Take on the Bias-Variance Tradeoff in Neural Networks",
    venue="arXiv 1810.08591",
    year=2018,
    url="https://arxiv.org/abs/1810.08591",
)

YANG2020 = Paper(
    key="YANG2020",
    authors="Zitong Yang, Yaodong Yu, Chong You, Jacob Steinhardt, Yi Ma",
    title="Rethinking Bias-Variance Trade-off for Generalization of Neural Networks",
    venue="ICML 2020, arXiv 2002.11328",
    year=2020,
    url="https://arxiv.org/abs/2002.11328",
)

DASCOLI2020 = Paper(
    key="DASCOLI2020",
    authors="Stéphane d'Ascoli, Maria Refinetti, Giulio Biroli, Florent Krzakala",
    title="Double Trouble in Double Descent: Bias and Variance(s) in the Lazy Regime",
    venue="ICML 2020, arXiv 2003.01054",
    year=2020,
    url="https://arxiv.org/abs/2003.01054",
)

HECKEL2021 = Paper(
    key="HECKEL2021",
    authors="Reinhard Heckel, Fatih Furkan Yilmaz",
    title="Early Stopping in Deep Networks: Double Descent and How to Eliminate it",
    venue="ICLR 2021, arXiv 2007.10099",
    year=2021,
    url="https://arxiv.org/abs/2007.10099",
)

CURTH2023 = Paper(
    key="CURTH2023",
    authors="Alicia Curth, Alan Jeffares, Mihaela van der Schaar",
    title="A U-turn on Double Descent: Rethinking Parameter Counting in Statistical Learning",
    venue="NeurIPS 2023, arXiv 2310.18988",
    year=2023,
    url="https://arxiv.org/abs/2310.18988",
)

BARRETT2021 = Paper(
    key="BARRETT2021",
    authors="David G. T. Barrett, Benoit Dherin",
    title="Implicit Gradient Regularization",
    venue="ICLR 2021, arXiv 2009.11162",
    year=2021,
    url="https://arxiv.org/abs/2009.11162",
)

SMITH2021 = Paper(
    key="SMITH2021",
    authors="Samuel L. Smith, Benoit Dherin, David G. T. Barrett, Soham De",
    title="On the Origin of Implicit Regularization in Stochastic Gradient Descent",
    venue="ICLR 2021, arXiv 2101.12176",
    year=2021,
    url="https://arxiv.org/abs/2101.12176",
)

BRUTZKUS2019 = Paper(
    key="BRUTZKUS2019",
    authors="Alon Brutzkus, Amir Globerson",
    title="Why do Larger Models Generalize Better? A Theoretical Perspective via the XOR Problem",
    venue="ICML 2019, arXiv 1810.03037",
    year=2019,
    url="https://arxiv.org/abs/1810.03037",
)

DU2019 = Paper(
    key="DU2019",
    authors="Simon S. Du, Xiyu Zhai, Barnabas Poczos, Aarti Singh",
    title="Gradient Descent Provably Optimizes Over-parameterized Neural Networks",
    venue="ICLR 2019, arXiv 1810.02054",
    year=2019,
    url="https://arxiv.org/abs/1810.02054",
)

ARORA2019 = Paper(
    key="ARORA2019",
    authors="Sanjeev Arora, Simon S. Du, Wei Hu, Zhiyuan Li, Ruosong Wang",
    title="Fine-Grained Analysis of Optimization and Generalization for Overparameterized Two-Layer Neural "
    "Networks",
    venue="ICML 2019, arXiv 1901.08584",
    year=2019,
    url="https://arxiv.org/abs/1901.08584",
)

NAKKIRAN2020 = Paper(
    key="NAKKIRAN2020",
    authors="Preetum Nakkiran, Gal Kaplun, Yamini Bansal, Tristan Yang, Boaz Barak, Ilya Sutskever",
    title="Deep Double Descent: Where Bigger Models and More Data Hurt",
    venue="ICLR 2020, arXiv 1912.02292",
    year=2020,
    url="https://arxiv.org/abs/1912.02292",
)

FRANKLE2019 = Paper(
    key="FRANKLE2019",
    authors="Jonathan Frankle, Michael Carbin",
    title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
    venue="ICLR 2019, arXiv 1803.03635",
    year=2019,
    url="https://arxiv.org/abs/1803.03635",
)

LI2018 = Paper(
    key="LI2018",
    authors="Chunyuan Li, Heerad Farkhoor, Rosanne Liu, Jason Yosinski",
    title="Measuring the Intrinsic Dimension of Objective Landscapes",
    venue="ICLR 2018, arXiv 1804.08838",
    year=2018,
    url="https://arxiv.org/abs/1804.08838",
)

STUDENT = Paper(
    key="STUDENT",
    authors="Abuhazera, Monsonego",
    title="Overparameterization Project: a student extension of Zhang et al. 2017",
    venue="project report with a public repository",
    year=None,
    url="https://github.com/ItayAbuhazera/OverparameterizationProject",
)

OVERCLAIM = Paper(
    key="OVERCLAIM",
    authors="the authors of this suite",
    title="What the sources leave unsaid: counter-claims and limits of our own",
    venue="this repository",
    year=2026,
    url="",
)

LEWKOWYCZ2020 = Paper(
    key="LEWKOWYCZ2020",
    authors="Aitor Lewkowycz, Yasaman Bahri, Ethan Dyer, Jascha Sohl-Dickstein, Guy Gur-Ari",
    title="The large learning rate phase of deep learning: the catapult mechanism",
    venue="arXiv 2003.02218",
    year=2020,
    url="https://arxiv.org/abs/2003.02218",
)

SOUDRY2018 = Paper(
    key="SOUDRY2018",
    authors="Daniel Soudry, Elad Hoffer, Mor Shpigel Nacson, Suriya Gunasekar, Nathan Srebro",
    title="The implicit bias of gradient descent on separable data",
    venue="JMLR 19 (2018), arXiv 1710.10345",
    year=2018,
    url="https://arxiv.org/abs/1710.10345",
)

BARTLETT2020 = Paper(
    key="BARTLETT2020",
    authors="Peter L. Bartlett, Philip M. Long, Gábor Lugosi, Alexander Tsigler",
    title="Benign overfitting in linear regression",
    venue="PNAS 117(48), 2020, arXiv 1906.11300",
    year=2020,
    url="https://arxiv.org/abs/1906.11300",
)

MALLINAR2022 = Paper(
    key="MALLINAR2022",
    authors="Neil Mallinar, James B. Simon, Amirhesam Abedsoltan, Parthe Pandit, Mikhail Belkin, "
    "Preetum Nakkiran",
    title="Benign, tempered, or catastrophic: a taxonomy of overfitting",
    venue="NeurIPS 2022, arXiv 2207.06569",
    year=2022,
    url="https://arxiv.org/abs/2207.06569",
)

NAGARAJAN2019 = Paper(
    key="NAGARAJAN2019",
    authors="Vaishnavh Nagarajan, J. Zico Kolter",
    title="Uniform convergence may be unable to explain generalization in deep learning",
    venue="NeurIPS 2019, arXiv 1902.04742",
    year=2019,
    url="https://arxiv.org/abs/1902.04742",
)

BUBECK2020 = Paper(
    key="BUBECK2020",
    authors="Sébastien Bubeck, Ronen Eldan, Yin Tat Lee, Dan Mikulincer",
    title="Network size and size of the weights in memorization with two-layers neural networks",
    venue="NeurIPS 2020, arXiv 2006.02855",
    year=2020,
    url="https://arxiv.org/abs/2006.02855",
)

DINH2017 = Paper(
    key="DINH2017",
    authors="Laurent Dinh, Razvan Pascanu, Samy Bengio, Yoshua Bengio",
    title="Sharp minima can generalize for deep nets",
    venue="ICML 2017, arXiv 1703.04933",
    year=2017,
    url="https://arxiv.org/abs/1703.04933",
)

COHEN2021 = Paper(
    key="COHEN2021",
    authors="Jeremy M. Cohen, Simran Kaur, Yuanzhi Li, J. Zico Kolter, Ameet Talwalkar",
    title="Gradient descent on neural networks typically occurs at the edge of stability",
    venue="ICLR 2021, arXiv 2103.00065",
    year=2021,
    url="https://arxiv.org/abs/2103.00065",
)

POWER2022 = Paper(
    key="POWER2022",
    authors="Alethea Power, Yuri Burda, Harri Edwards, Igor Babuschkin, Vedant Misra",
    title="Grokking: generalization beyond overfitting on small algorithmic datasets",
    venue="arXiv 2201.02177",
    year=2022,
    url="https://arxiv.org/abs/2201.02177",
)

GROMOV2023 = Paper(
    key="GROMOV2023",
    authors="Andrey Gromov",
    title="Grokking modular arithmetic",
    venue="arXiv 2301.02679",
    year=2023,
    url="https://arxiv.org/abs/2301.02679",
)

PAPYAN2020 = Paper(
    key="PAPYAN2020",
    authors="Vardan Papyan, X. Y. Han, David L. Donoho",
    title="Prevalence of neural collapse during the terminal phase of deep learning training",
    venue="Proceedings of the National Academy of Sciences 117 (40), arXiv 2008.08186",
    year=2020,
    url="https://arxiv.org/abs/2008.08186",
)
CHIZAT2019 = Paper(
    key="CHIZAT2019",
    authors="Lénaïc Chizat, Edouard Oyallon, Francis Bach",
    title="On lazy training in differentiable programming",
    venue="NeurIPS 2019, arXiv 1812.07956",
    year=2019,
    url="https://arxiv.org/abs/1812.07956",
)

AINSWORTH2022 = Paper(
    key="AINSWORTH2022",
    authors="Samuel K. Ainsworth, Jonathan Hayase, Siddhartha Srinivasa",
    title="Git Re-Basin: merging models modulo permutation symmetries",
    venue="ICLR 2023, arXiv 2209.04836",
    year=2022,
    url="https://arxiv.org/abs/2209.04836",
)
