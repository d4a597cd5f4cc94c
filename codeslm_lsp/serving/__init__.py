"""Completions for programs that speak HTTP: the ways of OpenAI and of llama.cpp, on a loopback address."""
